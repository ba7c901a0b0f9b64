import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A running server process. */
export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  readonly instance: string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
}

const PROGRAM = fileURLToPath(new URL('./server-process.ts', import.meta.url));

/** Starts server processes, and ends them all when the test is done. */
export class Processes {
  readonly #registry: string;
  readonly #children = new Set<ChildProcess>();

  constructor(registry: string) {
    this.#registry = registry;
  }

  /** Starts one; resolves when it is registered. */
  async start(port = 0): Promise<ServerProcess> {
    const args = ['--import=tsx', '--conditions=@org/source', PROGRAM, this.#registry, String(port)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.add(child);
    const exited = new Promise<number | NodeJS.Signals>((resolve) => {
      child.once('exit', (code, signal) => {
        this.#children.delete(child);
        resolve(signal ?? code ?? 0);
      });
    });
    const line = await Promise.race([
      new Promise<string>((resolve) => {
        let text = '';
        child.stdout.on('data', (bytes) => {
          text += bytes;
          if (text.includes('\n')) resolve(text);
        });
      }),
      exited.then((code) =>
        Promise.reject(new Error(`the server process ended with ${code} before it was registered`)),
      ),
    ]);
    return {
      ...(JSON.parse(line) as { port: number; instance: string }),
      pid: child.pid!,
      exited,
      signal: (signal) => void child.kill(signal),
    };
  }

  /** Kills what still runs, stopped processes included. */
  async close(): Promise<void> {
    const exits = [...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(exits);
  }
}
