import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { until } from './until.js';

/** What starts one etcd process. */
export interface EtcdMemberOptions {
  readonly name: string;
  readonly directory: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** Where the others reach it; `http://127.0.0.1:PEERPORT` unless a proxy stands before it. */
  readonly peerUrl?: string;
  /** `name=peerUrl,...` of all members; itself alone when left out. */
  readonly initialCluster?: string;
  readonly args?: readonly string[];
}

/** One etcd process, which may be started again and again. */
export class EtcdMember {
  readonly url: string;
  readonly options: EtcdMemberOptions;
  #child: ChildProcess | undefined;

  constructor(options: EtcdMemberOptions) {
    this.options = options;
    this.url = `http://127.0.0.1:${options.clientPort}`;
  }

  /** Starts the process, and does not wait until it answers. */
  spawn(extra: readonly string[] = []): void {
    const { name, directory, peerPort, peerUrl, initialCluster, args = [] } = this.options;
    const listen = `http://127.0.0.1:${peerPort}`;
    const peer = peerUrl ?? listen;
    const flags = [`--name=${name}`, `--data-dir=${directory}`, '--log-level=error', '--unsafe-no-fsync'];
    flags.push(`--listen-client-urls=${this.url}`, `--advertise-client-urls=${this.url}`);
    flags.push(`--listen-peer-urls=${listen}`, `--initial-advertise-peer-urls=${peer}`);
    flags.push(`--initial-cluster=${initialCluster ?? `${name}=${peer}`}`);
    this.#child = spawn(findBinary('etcd'), [...flags, ...args, ...extra], { stdio: 'ignore' });
  }

  /** Resolves when it answers and has a leader. */
  async untilHealthy(): Promise<void> {
    await until(() => isHealthy(this.url), `etcd to answer on ${this.url}`, 20_000);
  }

  /** Sends a signal; resolves when the process is gone or stands still, at once for a signal that does neither. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const running = this.#child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await exited;
    // The kernel stops one thread after the other, and another one may still answer a request that comes at once.
    if (signal === 'SIGSTOP') await until(() => isStopped(running.pid!), `${this.url} to stand still`, 5_000);
  }
}

/** Whether every thread of a process stands still. What has no /proc (macOS) stops the whole process at once. */
function isStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`;
  if (!existsSync(threads)) return true;
  return readdirSync(threads).every((thread) => {
    try {
      return / T /.test(readFileSync(join(threads, thread, 'stat'), 'utf8').replace(/^.*\)/, ''));
    } catch {
      return false; // it ended in between
    }
  });
}

/** The tests never skip: a machine without etcd is told what it lacks. */
export function findBinary(name: 'etcd' | 'etcdctl'): string {
  const { ETCD_BIN, PATH = '' } = process.env;
  const given = ETCD_BIN && join(dirname(ETCD_BIN), name);
  const candidates = given ? [name === 'etcd' ? ETCD_BIN : given] : [];
  candidates.push(...PATH.split(delimiter).map((directory) => join(directory, name)));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(
    `no ${name} found: run "node scripts/etcd.mjs ensure", install etcd (Debian, Ubuntu: etcd-server and etcd-client; macOS: etcd of Homebrew), or set ETCD_BIN to its path`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** All at once, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
    return ((await response.json()) as { health?: string }).health === 'true';
  } catch {
    return false;
  }
}
