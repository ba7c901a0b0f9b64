import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Client,
  type ClientOptions,
  createClient,
  defineService,
  local,
  method,
  roundRobin,
  systemClock,
} from '@org/rpc';
import { randomId } from '@org/rpc-core/internal';
import { freePorts } from '../../packages/registry-etcd/test/etcd-member.js';
import { TestAuthority } from '../../packages/wire/test/certificates.js';

const Place = defineService('place', {
  /** The process that answers, and the version that it runs. */
  where: method<() => string>({ idempotent: true }),
  /** The process that answers, and who it takes the caller for. */
  caller: method<() => string>({ idempotent: true }),
  crash: method<() => void>(),
  /** The process that answers, and how its server says that the service is. */
  health: method<() => string>({ idempotent: true }),
});

const PROGRAM = fileURLToPath(new URL('./program.mjs', import.meta.url));

/** A process that watches over workers, and clients of them. */
class Primary implements AsyncDisposable {
  readonly namespace = `workers-${randomId()}`;
  readonly #folder = mkdtempSync(join(tmpdir(), 'rpc-workers-'));
  #child!: ChildProcess;
  told = '';

  async start(count: number, options: object = {}): Promise<this> {
    const [port] = await freePorts(1);
    this.deploy('1');
    const env = { ...process.env, VERSION_FILE: join(this.#folder, 'version') };
    const args = [PROGRAM, String(port), String(count), JSON.stringify({ namespace: this.namespace, ...options })];
    this.#child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr!.on('data', (text) => {
      this.told += String(text);
    });
    await Promise.race([once(this.#child.stdout!, 'data'), this.ended().then(() => assert.fail(this.told))]);
    return this;
  }

  deploy(version: string): void {
    const file = join(this.#folder, 'version');
    writeFileSync(`${file}.new`, version);
    renameSync(`${file}.new`, file);
  }

  /** Calls the server of the process that watches. @returns what it says when that has ended */
  async order(name: 'update' | 'health' | 'setTls', ...given: unknown[]): Promise<string> {
    this.#child.stdin!.write(`${JSON.stringify([name, ...given])}\n`);
    const [text] = await once(this.#child.stdout!, 'data');
    return String(text).trim();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  ended(): Promise<unknown[]> {
    return once(this.#child, 'exit');
  }

  client(options: ClientOptions = {}): Client {
    return createClient({ registry: 'local:', namespace: this.namespace, timeoutMs: 20_000, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = this.ended();
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** Calls, ten at a time, until it is enough. @returns the answers; fails with the first call that fails */
async function callUntil(
  client: Client,
  isEnough: (answers: ReadonlySet<string>) => boolean,
  called: 'where' | 'caller' | 'health' = 'where',
): Promise<Set<string>> {
  let answers = new Set<string>();
  do {
    answers = new Set(await Promise.all(Array.from({ length: 10 }, () => client.service(Place)[called]())));
  } while (!isEnough(answers));
  return answers;
}

const versions = (answers: ReadonlySet<string>): string[] => [...new Set([...answers].map((it) => it.split(' ')[1]!))];

describe('a server with workers, in processes of its own', function () {
  this.timeout(60_000);

  it('loses no call that may be repeated to a crash and to a reload, and keeps what runs when a version does not start', async () => {
    await using primary = await new Primary().start(2);
    await using client = primary.client();
    const first = await callUntil(client, ({ size }) => size === 2);

    const [victim] = first;
    const crashed = client
      .service(Place)
      .crash()
      .then(
        () => assert.fail('it has answered'),
        (error: Error) => error.message,
      );
    const afterwards = await callUntil(
      client,
      (answers) => answers.size === 2 && [...answers].some((it) => !first.has(it)),
    );
    assert.match(await crashed, /connection lost/);
    assert.match(primary.told, /worker \d \(process \d+\) ended with code 3, another is started in \d+ ms/);
    assert.ok(
      [...afterwards].some((it) => first.has(it)),
      `${victim} or its sibling went on`,
    );

    primary.deploy('2');
    primary.signal('SIGHUP');
    await callUntil(client, (answers) => answers.size === 2 && versions(answers).join() === '2');

    primary.deploy('broken');
    primary.signal('SIGHUP');
    await callUntil(client, () => primary.told.includes('those that run go on'));
    assert.match(primary.told, /program\.mjs ended with code 1 before it listened: what it wrote says why/);
    assert.match(primary.told, /this version does not start/);
    assert.deepEqual(versions(await callUntil(client, ({ size }) => size === 2)), ['2']);

    const ended = primary.ended();
    primary.signal('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });

  it('reaches each of them over TLS, where the greeting is not in the clear', async () => {
    const authority = new TestAuthority();
    const { key, cert } = authority.issue();
    await using primary = await new Primary().start(2, { tls: { key, cert } });
    await using client = primary.client({ tls: { ca: authority.ca } });
    const answers = await callUntil(client, ({ size }) => size === 2);
    assert.equal(answers.size, 2);
    assert.deepEqual(
      client.state().services['place']!.nodes.map(({ connection }) => connection),
      ['ready', 'ready'],
    );
  });

  it('knows its callers in each of them by authenticate, and lets nobody else in', async () => {
    await using primary = await new Primary().start(2, { tokens: { 'key-of-ada': 'ada', 'key-of-bob': 'bob' } });
    await using ada = primary.client({ token: 'key-of-ada' });
    await using bob = primary.client({ token: 'key-of-bob' });
    const pids = new Set([...(await callUntil(ada, ({ size }) => size === 2))].map((it) => it.split(' ')[0]));
    for (const [client, name] of [
      [ada, 'ada'],
      [bob, 'bob'],
    ] as const) {
      const answers = await callUntil(client, ({ size }) => size === 2, 'caller');
      assert.deepEqual(answers, new Set([...pids].map((pid) => `${pid} ${name}`)));
    }
    for (const options of [{ token: 'key-of-eve' }, {}]) {
      await using eve = primary.client(options);
      await assert.rejects(eve.service(Place).caller(), { code: 'UNAUTHENTICATED' });
    }
    assert.equal(primary.told, '');
  });

  it('does in all of them what the process that watches is told, also in one that is started later', async () => {
    await using primary = await new Primary().start(2);
    await using client = primary.client();
    await callUntil(client, ({ size }) => size === 2);
    const nodes = () => client.state().services['place']!.nodes;
    const isEach = (weight: number): boolean => nodes().length === 2 && nodes().every((node) => node.weight === weight);
    assert.equal(await primary.order('update', { weight: 7 }), 'done');
    await callUntil(client, () => isEach(7));
    assert.equal(await primary.order('health', 'place', 'not-serving'), 'done');
    const isAll = (answers: ReadonlySet<string>): boolean =>
      answers.size === 2 && [...answers].every((it) => it.endsWith(' not-serving'));
    await callUntil(client, isAll, 'health');

    const first = new Set(nodes().map(({ instance }) => instance));
    const weights = new Set<number>();
    client.on('endpointAdded', ({ instance }) => {
      const added = nodes().find((node) => node.instance === instance);
      if (added !== undefined && !first.has(instance)) weights.add(added.weight);
    });
    await assert.rejects(client.service(Place).crash());
    const isReplaced = (): boolean => isEach(7) && nodes().some(({ instance }) => !first.has(instance));
    await callUntil(client, (answers) => isReplaced() && isAll(answers), 'health');
    // It says so from its first entry on.
    assert.ok([...weights].every((weight) => weight === 7));

    assert.match(await primary.order('update', { weight: -1 }), /^server\.update: weight must be/);
    assert.match(await primary.order('health', 'plaice', 'serving'), /this server has no service "plaice"/);
    assert.match(await primary.order('setTls', {}), /^server\.setTls: the server was made without the option tls/);
  });

  it('takes other certificates in all of them', async () => {
    const before = new TestAuthority();
    await using primary = await new Primary().start(2, { tls: before.issue() });
    const later = new TestAuthority();
    const { key, cert } = later.issue();
    assert.match(await primary.order('setTls', { key: 'none', cert }), /^server\.setTls: /);
    assert.equal(await primary.order('setTls', { key, cert }), 'done');
    await using client = primary.client({ tls: { ca: later.ca } });
    await callUntil(client, ({ size }) => size === 2);
    const { nodes } = client.state().services['place']!;
    assert.deepEqual(
      nodes.map(({ connection }) => connection),
      ['ready', 'ready'],
    );
  });

  it('follows the rules of its service in each of them, by itself', async () => {
    await using primary = await new Primary().start(2);
    // In turn: by load the one that was slower of late might get none of the calls.
    await using client = primary.client({ retry: false, balancer: roundRobin() });
    await callUntil(client, ({ size }) => size === 2);
    const environment = { namespace: primary.namespace, clock: systemClock, random: Math.random, onEvent: () => {} };
    const registry = local().open(environment);
    try {
      const limit = { perSecond: 0.001, burst: 1 };
      const rules = { schemaVersion: 1, serverRateLimit: { mode: 'on', methods: { caller: limit } } };
      await registry.rulesStore!.set('place', rules, 0);
      const applied = async (): Promise<number> => {
        const reports = await registry.rulesStore!.reports('place');
        return reports.filter(({ instance }) => instance.endsWith('@server')).length;
      };
      while ((await applied()) < 2) await client.service(Place).where();
      const ends = await Promise.allSettled(Array.from({ length: 40 }, () => client.service(Place).caller()));
      // One of each, for a limit is that of each worker.
      assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 2);
    } finally {
      await registry.close();
    }
  });
});
