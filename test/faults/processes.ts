import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EtcdOptions } from '@org/rpc';

/** A running process with one server or several. */
export interface ServerProcess {
  readonly pid: number;
  /** Of its first server. */
  readonly port: number;
  /** Of its first server. */
  readonly instance: string;
  /** Of all its servers. */
  readonly instances: readonly string[];
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** All that it wrote, the events of its registry included. */
  output(): string;
}

/** A process that may not be registered yet. */
export interface StartingProcess {
  readonly registered: Promise<ServerProcess>;
  output(): string;
}

const folder = (file: string): string => fileURLToPath(new URL(`./${file}`, import.meta.url));

/** Starts server processes, and ends them all when the test is done. */
export class Processes {
  readonly #registry: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #children = new Set<ChildProcess>();
  readonly #outputs: (() => string)[] = [];

  readonly #log: string | undefined;

  /** @param environment - of each, beside that of this process @param log - the file for what each prints; to this process when left out */
  constructor(registry: string | EtcdOptions, environment: NodeJS.ProcessEnv = {}, log?: string) {
    this.#environment = environment;
    this.#log = log;
    this.#registry = typeof registry === 'string' ? registry : JSON.stringify(registry);
  }

  /** Starts one; resolves when it is registered. @param count - servers in it @param env - of this one, beside that of all */
  start(port = 0, count = 1, env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    return this.spawn(port, count, this.#registry, env).registered;
  }

  /** Starts one that may take long to be registered. */
  spawn(port = 0, count = 1, registry = this.#registry, env: NodeJS.ProcessEnv = {}): StartingProcess {
    const { child, exited, output } = this.run('server-process.ts', [registry, String(port), String(count)], env);
    const ready = new Promise<string>((resolve) => {
      child.stdout?.on('data', () => {
        const line = output()
          .split('\n')
          .slice(0, -1)
          .find((text) => text.startsWith('{"port"'));
        if (line !== undefined) resolve(line);
      });
    });
    const ended = exited.then((code) =>
      Promise.reject(new Error(`the server process ended with ${code} before it was registered`)),
    );
    const registered = Promise.race([ready, ended]).then((line) => ({
      ...(JSON.parse(line) as { port: number; instance: string; instances: string[] }),
      pid: child.pid!,
      exited,
      output,
      signal: (signal: NodeJS.Signals) => void child.kill(signal),
    }));
    ended.catch(() => undefined);
    registered.catch(() => undefined);
    return { registered, output };
  }

  /** Runs a program of this folder. @param prefix - the command that runs it, and its arguments; none when left out */
  run(
    file: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    prefix: readonly string[] = [],
  ): { child: ChildProcess; exited: Promise<number | NodeJS.Signals>; output: () => string } {
    const words = [process.execPath, '--import=tsx', '--conditions=@org/source', folder(file), ...args];
    const [command = '', ...rest] = [...prefix, ...words];
    const child = spawn(command, rest, {
      stdio: ['ignore', 'pipe', this.#log === undefined ? 'pipe' : openSync(this.#log, 'w')],
      env: { ...process.env, ...this.#environment, ...env },
    });
    this.#children.add(child);
    let text = '';
    const output = (): string => text;
    this.#outputs.push(output);
    child.stdout!.on('data', (bytes) => {
      text += bytes;
    });
    child.stderr?.on('data', (bytes) => {
      text += bytes;
      // The last words of V8 in a process that is made to run out of memory are long, and no news.
      if (!text.includes('<--- Last few GCs')) process.stderr.write(bytes);
    });
    const exited = new Promise<number | NodeJS.Signals>((resolve) => {
      child.once('exit', (code, signal) => {
        this.#children.delete(child);
        resolve(signal ?? code ?? 0);
      });
    });
    return { child, exited, output };
  }

  /** All that all of them wrote. */
  output(): string {
    return this.#outputs.map((output) => output()).join('');
  }

  /** Kills what still runs, stopped processes included. */
  async close(): Promise<void> {
    const exits = [...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(exits);
  }
}
