import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Client, type ClientOptions, createClient, direct } from '@org/rpc';
import { Work } from './service.js';

/** A server process, and clients of it. */
export interface Scene extends AsyncDisposable {
  /** Of the server process. */
  readonly pid: number;
  readonly port: number;
  /** How many calls of `compute` have run. */
  ran(): Promise<number>;
}

const FILE = fileURLToPath(new URL('./server-process.ts', import.meta.url));

/**
 * Starts a server with these options.
 * @param ca - of a server with TLS: who has issued its certificate
 * @param prefix - the command that runs it, and its arguments; none when left out
 */
export async function startScene(options: object = {}, ca?: string, prefix: readonly string[] = []): Promise<Scene> {
  const args = ['--import=tsx', '--conditions=@org/source', FILE, JSON.stringify(options)];
  const [command = '', ...rest] = [...prefix, process.execPath, ...args];
  const child: ChildProcess = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [bytes] = await once(child.stdout!, 'data');
  const port = Number(String(bytes));
  const observer = connectTo(port, ca === undefined ? {} : { tls: { ca } });
  return {
    pid: child.pid!,
    port,
    ran: () => observer.service(Work).with({ timeoutMs: 30_000 }).ran(),
    async [Symbol.asyncDispose]() {
      await observer.close();
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** A client of the server at this port alone. */
export function connectTo(port: number, options: ClientOptions = {}): Client {
  return createClient({ registry: direct([`127.0.0.1:${port}`]), ...options });
}

/** What became of the calls of one phase. */
export interface Phase {
  readonly offered: number;
  /** Answered within the timeout. */
  readonly good: number;
}

/** Calls so often a second for so long, whatever became of the calls before. @param perSecond - by the time since the beginning */
export async function offer(
  client: Client,
  workMs: number,
  timeoutMs: number,
  phases: readonly { readonly perSecond: number; readonly forMs: number }[],
): Promise<Phase[]> {
  await client.ready(Work);
  const work = client.service(Work).with({ timeoutMs });
  const results = phases.map(() => ({ offered: 0, good: 0 }));
  const open = new Set<Promise<void>>();
  let fromMs = 0;
  const beganAt = performance.now();
  for (const [index, { perSecond, forMs }] of phases.entries()) {
    const result = results[index]!;
    const untilMs = fromMs + forMs;
    for (let now = performance.now() - beganAt; now < untilMs; now = performance.now() - beganAt) {
      while (result.offered < ((now - fromMs) * perSecond) / 1_000) {
        result.offered++;
        const call: Promise<void> = work.compute(workMs).then(
          () => {
            result.good++;
            open.delete(call);
          },
          () => void open.delete(call),
        );
        open.add(call);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    fromMs = untilMs;
  }
  await Promise.all(open);
  return results;
}
