import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PeerReport, ServerReport } from './feed.js';

/** The processes of the benchmark: a server, slow readers, a fast one, one that is frozen, and a writer. */
export interface BenchProcesses {
  /** Resolves when every reader and the writer have moved at least one item. */
  readonly started: Promise<void>;
  /** From now on this reader does not even read its socket. */
  freeze(): void;
  /** Asks all of them. The server is the last, so its counts are the newer ones. @throws Error when it is gone */
  report(): Promise<BenchReport>;
  /** Kills all of them. */
  stop(): void;
}

/** What all processes told at one moment. */
export interface BenchReport {
  readonly server: ServerReport;
  /** Items that each reader took and each writer produced. */
  readonly peers: PeerReport;
}

/** Starts them. @throws Error when the server does not start */
export async function startProcesses(slowNames: readonly string[]): Promise<BenchProcesses> {
  const children: ChildProcess[] = [];
  const start = (file: string, ...args: string[]): ChildProcess => {
    const path = fileURLToPath(new URL(`./${file}`, import.meta.url));
    const child = fork(path, args, { execArgv: ['--import=tsx', '--conditions=@org/source'] });
    children.push(child);
    return child;
  };
  const server = start('server-process.ts');
  const { port } = await next<{ port: number }>(server);
  const peer = (role: string, ...names: string[]): ChildProcess =>
    start('peer-process.ts', String(port), role, ...names);
  const frozen = peer('fast', 'frozen');
  const peers = [peer('slow', ...slowNames), peer('fast', 'fast'), peer('writer', 'writer'), frozen];
  let isFrozen = false;

  const report = async (): Promise<BenchReport> => {
    const asked = isFrozen ? peers.filter((child) => child !== frozen) : peers;
    const counts = await Promise.all(asked.map((child) => ask<PeerReport>(child)));
    return { server: await ask<ServerReport>(server), peers: Object.assign({}, ...counts) };
  };
  const untilStarted = async (): Promise<void> => {
    const names = [...slowNames, 'fast', 'frozen', 'writer'];
    for (;;) {
      const counts = (await report()).peers;
      if (names.every((name) => (counts[name] ?? 0) > 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    started: untilStarted(),
    report,
    freeze() {
      isFrozen = true;
      frozen.kill('SIGSTOP');
    },
    stop() {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

function ask<T>(child: ChildProcess): Promise<T> {
  child.send('report');
  return next<T>(child);
}

async function next<T>(child: ChildProcess): Promise<T> {
  const gone = new AbortController();
  try {
    const message = once(child, 'message', { signal: gone.signal }) as Promise<[T]>;
    const exit = once(child, 'exit', { signal: gone.signal }).then(([code, signal]) => {
      throw new Error(`a process of the benchmark ended with ${signal ?? code}`);
    });
    return (await Promise.race([message, exit]))[0];
  } finally {
    gone.abort();
  }
}
