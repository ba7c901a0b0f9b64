import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { etcdctl } from './etcd-fixture.js';
import { EtcdMember, freePorts } from './etcd-member.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { until } from './until.js';

/** A member of a cluster. */
export interface ClusterMember {
  readonly name: string;
  /** The way to it that nothing disturbs. */
  readonly url: string;
  /** The way that clients under test take: through {@link ClusterMember.line}. */
  readonly clientUrl: string;
  readonly line: TcpProxy;
  /** Resolves when the process is gone, at once for a signal that does not end it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again with its data, or, as etcd wants it, as a new member in its place when the data is gone. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** Cuts it off from the other members, not from its clients. */
  isolate(): void;
  rejoin(): void;
}

/** A real cluster whose members talk to each other through proxies. */
export interface EtcdCluster {
  readonly members: readonly ClusterMember[];
  /** The member that leads; waits for one. */
  leader(): Promise<ClusterMember>;
  /** Hands leadership to another member, in order. */
  moveLeader(to: ClusterMember): Promise<void>;
  ctl(...args: readonly string[]): Promise<string>;
  /** Ends it and removes its data. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a cluster on free ports. */
export async function startEtcdCluster(size = 3): Promise<EtcdCluster> {
  const root = await mkdtemp(join(tmpdir(), 'rpc-etcd-cluster-'));
  const network = new PeerNetwork();
  const ports = await freePorts(2 * size);
  const names = Array.from({ length: size }, (_, index) => `m${index + 1}`);
  const proxies = await Promise.all(names.map((name, index) => network.proxy(name, ports[2 * index + 1]!)));
  const peerUrls = proxies.map(({ port }) => `http://127.0.0.1:${port}`);
  const initialCluster = names.map((name, index) => `${name}=${peerUrls[index]}`).join(',');
  const members: Member[] = await Promise.all(
    names.map(async (name, index) => {
      const clientPort = ports[2 * index]!;
      const directory = join(root, name);
      const peerUrl = peerUrls[index]!;
      const options = { name, directory, clientPort, peerPort: ports[2 * index + 1]!, peerUrl, initialCluster };
      return new Member(new EtcdMember(options), await startTcpProxy(clientPort), network, () => urlsOf(members));
    }),
  );
  for (const { process } of members) process.spawn();
  await Promise.all(members.map(({ process }) => process.untilHealthy()));
  await network.learn(members);
  return {
    members,
    ctl: (...args) => etcdctl(urlsOf(members), args),
    leader: () => leaderOf(members),
    async moveLeader(to) {
      const from = await leaderOf(members);
      await etcdctl([from.url], ['move-leader', network.idOf(to.name)]);
    },
    async stop() {
      await Promise.all(members.map((member) => member.kill('SIGKILL')));
      await Promise.all([...proxies, ...members.map(({ line }) => line)].map((proxy) => proxy.close()));
      await rm(root, { recursive: true, force: true });
    },
  };
}

class Member implements ClusterMember {
  readonly process: EtcdMember;
  readonly line: TcpProxy;
  readonly #network: PeerNetwork;
  readonly #all: () => readonly string[];

  constructor(process: EtcdMember, line: TcpProxy, network: PeerNetwork, all: () => readonly string[]) {
    this.process = process;
    this.line = line;
    this.#network = network;
    this.#all = all;
  }

  get name(): string {
    return this.process.options.name;
  }

  get url(): string {
    return this.process.url;
  }

  get clientUrl(): string {
    return `http://127.0.0.1:${this.line.port}`;
  }

  kill(signal: NodeJS.Signals): Promise<void> {
    return this.process.kill(signal);
  }

  async restart({ wipe = false } = {}): Promise<void> {
    await this.kill('SIGKILL');
    if (wipe) {
      const { directory, peerUrl } = this.process.options;
      const others = this.#all().filter((url) => url !== this.url);
      await rm(directory, { recursive: true });
      await untilAccepted(others, ['member', 'remove', this.#network.idOf(this.name)]);
      await untilAccepted(others, ['member', 'add', this.name, `--peer-urls=${peerUrl}`]);
      this.process.spawn(['--initial-cluster-state=existing']);
      await this.process.untilHealthy();
      return this.#network.learn([this]);
    }
    this.process.spawn();
    await this.process.untilHealthy();
  }

  isolate(): void {
    this.#network.isolate(this.name);
  }

  rejoin(): void {
    this.#network.rejoin(this.name);
  }
}

/** The lines between members. Who dials is told from a header that etcd sends (server/etcdserver/api/rafthttp). */
class PeerNetwork {
  readonly #ids = new Map<string, string>();
  readonly #isolated = new Set<string>();
  readonly #proxies: TcpProxy[] = [];

  async proxy(to: string, port: number): Promise<TcpProxy> {
    const proxy = await startTcpProxy(port, {
      sourceOf: (bytes) => /X-Server-From: ([0-9a-f]+)/i.exec(bytes.toString('latin1'))?.[1],
      isAllowed: (source) => !this.#isolated.has(to) && !this.#isIsolated(source),
    });
    this.#proxies.push(proxy);
    return proxy;
  }

  idOf(name: string): string {
    return this.#ids.get(name) ?? '';
  }

  async learn(members: readonly Member[]): Promise<void> {
    for (const member of members) this.#ids.set(member.name, BigInt((await statusOf(member)).id).toString(16));
  }

  isolate(name: string): void {
    this.#isolated.add(name);
    for (const proxy of this.#proxies) proxy.recheck();
  }

  rejoin(name: string): void {
    this.#isolated.delete(name);
  }

  #isIsolated(source: string | undefined): boolean {
    return source !== undefined && [...this.#isolated].some((name) => this.#ids.get(name) === source);
  }
}

/** etcd takes no change of its members until they have all been connected for 5 s: "unhealthy cluster". */
async function untilAccepted(urls: readonly string[], args: readonly string[]): Promise<void> {
  const isAccepted = (): Promise<boolean> =>
    etcdctl(urls, args).then(
      () => true,
      (error: Error) => {
        // Just after the loss of a member there may be no leader to decide.
        if (/unhealthy cluster|no leader|leader changed|timed out|deadline exceeded/.test(error.message)) return false;
        throw error;
      },
    );
  await until(isAccepted, `etcd to accept ${args.slice(0, 2).join(' ')}`, 20_000);
}

function urlsOf(members: readonly Member[]): string[] {
  return members.map(({ url }) => url);
}

async function leaderOf(members: readonly Member[]): Promise<Member> {
  let leader: Member | undefined;
  await until(
    async () => {
      for (const member of members) {
        const status = await statusOf(member).catch(() => undefined);
        if (status !== undefined && status.leader === status.id) leader = member;
      }
      return leader !== undefined;
    },
    'the cluster to have a leader',
    20_000,
  );
  return leader!;
}

async function statusOf({ url }: ClusterMember): Promise<{ id: string; leader: string | undefined }> {
  const options = { method: 'POST', body: '{}', signal: AbortSignal.timeout(1_000) };
  const response = await fetch(`${url}/v3/maintenance/status`, options);
  const { header, leader } = (await response.json()) as { header: { member_id: string }; leader?: string };
  return { id: header.member_id, leader };
}
