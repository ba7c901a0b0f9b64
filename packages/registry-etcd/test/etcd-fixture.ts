import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EtcdMember, findBinary, freePorts } from './etcd-member.js';

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

/**
 * Starts an etcd on a free port.
 *
 * @param args - more flags of etcd
 * @param parent - where the directory of its data is made; that of temporary files when left out
 * @throws Error that says what to install when there is none
 */
export async function startEtcd(args: readonly string[] = [], parent: string = tmpdir()): Promise<EtcdServer> {
  const directory = await mkdtemp(join(parent, 'rpc-etcd-'));
  const [clientPort, peerPort] = (await freePorts(2)) as [number, number];
  const member = new EtcdMember({ name: 'test', directory, clientPort, peerPort, args });
  const start = (): Promise<void> => {
    member.spawn();
    return member.untilHealthy();
  };
  const stop = async (): Promise<void> => {
    await member.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    // Nobody else would end a process that never answered.
    await stop();
    throw error;
  }
  return {
    url: member.url,
    port: clientPort,
    ctl: (...words) => etcdctl([member.url], words),
    kill: (signal) => member.kill(signal),
    async restart({ wipe = false } = {}) {
      await member.kill('SIGKILL');
      if (wipe) await rm(directory, { recursive: true });
      await start();
    },
    stop,
  };
}

/** Runs etcdctl against these. Resolves with what it printed. */
export async function etcdctl(urls: readonly string[], args: readonly string[]): Promise<string> {
  const options = { env: { ...process.env, ETCDCTL_API: '3' }, timeout: 10_000, maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)(findBinary('etcdctl'), [`--endpoints=${urls.join(',')}`, ...args], options)).stdout;
}
