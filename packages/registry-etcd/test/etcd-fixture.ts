import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.js';

/** A real etcd of one member, with its data in a temporary directory. */
export interface EtcdServer {
  readonly url: string;
  readonly port: number;
  /** Sends a signal; resolves when the process is gone, at once for a signal that does not end it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Kills it if it runs, and starts it on the same port with the same data. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** Ends it and removes its data. Idempotent. */
  stop(): Promise<void>;
  /** Runs etcdctl against it. Resolves with what it printed. */
  ctl(...args: readonly string[]): Promise<string>;
}

/** Starts an etcd on a free port. @throws Error that says what to install when there is none */
export async function startEtcd(): Promise<EtcdServer> {
  const etcd = findBinary('etcd');
  const etcdctl = findBinary('etcdctl');
  const directory = await mkdtemp(join(tmpdir(), 'rpc-etcd-'));
  const [port, peerPort] = await freePorts();
  const url = `http://127.0.0.1:${port}`;
  const ctl = async (...args: readonly string[]): Promise<string> => {
    const options = { env: { ...process.env, ETCDCTL_API: '3' }, timeout: 5_000 };
    return (await promisify(execFile)(etcdctl, [`--endpoints=${url}`, ...args], options)).stdout;
  };
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const peer = `http://127.0.0.1:${peerPort}`;
    const args = ['--name=test', `--data-dir=${directory}`, '--log-level=error', '--unsafe-no-fsync'];
    args.push(`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`, `--listen-peer-urls=${peer}`);
    args.push(`--initial-advertise-peer-urls=${peer}`, `--initial-cluster=test=${peer}`);
    child = spawn(etcd, args, { stdio: 'ignore' });
    await until(() => isHealthy(url), `etcd to answer on ${url}`, 10_000);
  };
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await exited;
  };
  await start();
  return {
    url,
    port,
    ctl,
    kill,
    async restart({ wipe = false } = {}) {
      await kill('SIGKILL');
      if (wipe) await rm(directory, { recursive: true });
      await start();
    },
    async stop() {
      await kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The tests never skip: a machine without etcd is told what it lacks. */
function findBinary(name: 'etcd' | 'etcdctl'): string {
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

/** Two at once, so that they differ. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [ports[0]!, ports[1]!];
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
    return ((await response.json()) as { health?: string }).health === 'true';
  } catch {
    return false;
  }
}
