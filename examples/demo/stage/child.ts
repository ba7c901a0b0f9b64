import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly at: number;
}

/** What a process of the demo is made of. */
export interface ChildOptions<M> {
  /** The compiled file, beside `main.js`. */
  readonly file: 'server.js' | 'client.js';
  readonly environment: Readonly<Record<string, string>>;
  readonly onMessage: (message: M) => void;
  /** What it prints, which is nothing unless something is wrong. */
  readonly onLine: (line: string) => void;
  readonly onExit: (exit: Exit) => void;
}

/** One process of the demo. */
export class Child<M> {
  readonly #process: ChildProcess;
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;

  constructor({ file, environment, onMessage, onLine, onExit }: ChildOptions<M>) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    this.#process = fork(path, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#process.on('message', (message) => onMessage(message as M));
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', onLine);
    }
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (this.exit !== undefined) return;
        this.exit = { code, signal, at: Date.now() };
        onExit(this.exit);
        resolve(this.exit);
      };
      this.#process.on('exit', end);
      this.#process.on('error', (error) => {
        // Also a message that could not be sent comes here; only a process that never started has no id.
        if (this.#process.pid !== undefined) return;
        onLine(error.message);
        end(1, null);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.exit === undefined;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#process.kill(signal);
  }

  say(word: string): void {
    if (this.#process.connected) this.#process.send(word, () => {});
  }

  /** Asks it to end, and ends it when it does not within `graceMs`, be it stopped or hung. */
  async end(graceMs: number): Promise<void> {
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }
}

/** How a process ended, in words. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal;
}
