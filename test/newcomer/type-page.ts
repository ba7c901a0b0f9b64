import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One block of a page: what a reader types, writes into a file, or sees. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** Where it stands, for errors. */
  readonly line: number;
}

/** The blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  for (const match of page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const line = page.slice(0, match.index).split('\n').length;
    blocks.push({ language: match[1]!, code: match[2]!, line });
  }
  return blocks;
}

/** What is typed where. */
export interface TypingOptions {
  /** Where the reader stands at the beginning. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What of a command is typed differently here, such as the port of an etcd. */
  readonly adapt?: (command: string) => string;
}

/**
 * Types a page: writes files with a name in their first line, runs commands, and compares what they print with the block of text that
 * follows, in which `...` stands for anything. A command whose remark says that it has a terminal of its own goes on until the end.
 */
export class Typist {
  readonly #options: TypingOptions;
  readonly #running: ChildProcess[] = [];
  readonly files: string[] = [];
  folder: string;
  #output = '';

  constructor(options: TypingOptions) {
    this.#options = options;
    this.folder = options.folder;
  }

  /** @throws Error that names the line of the page, with what was printed */
  async type(blocks: readonly Block[]): Promise<void> {
    for (const { language, code, line } of blocks) {
      try {
        if (language === 'sh') await this.#command(code);
        else if (language === 'text') this.#compare(code);
        else this.#write(code);
      } catch (error) {
        throw new Error(`line ${line}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  /** Runs one command to its end. @returns what it printed @throws Error when it fails or does not end in time */
  async run(command: string, timeoutMs = 120_000): Promise<string> {
    const marker = '::folder::';
    const child = this.#spawn(`set -e\n${command}\necho "${marker}$PWD"`);
    const timer = setTimeout(() => kill(child), timeoutMs);
    const output = await new Promise<string>((resolve, reject) => {
      let text = '';
      let errors = '';
      child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
        errors += chunk;
      });
      child.on('close', (code, signal) => {
        if (code === 0) resolve(text);
        else reject(new Error(`\`${command}\` ended with ${signal ?? code}:\n${text}${errors}`));
      });
    }).finally(() => clearTimeout(timer));
    const at = output.lastIndexOf(marker);
    this.folder = output.slice(at + marker.length).trim();
    return output.slice(0, at);
  }

  /** Ends what runs in terminals of its own, as Ctrl+C does. @throws Error when one of them fails */
  async end(): Promise<void> {
    await Promise.all(
      this.#running.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`${child.spawnargs.at(-1)} has ended`);
        const code = new Promise((resolve) => child.once('close', resolve));
        kill(child, 'SIGINT');
        const timer = setTimeout(() => kill(child), 20_000);
        await code;
        clearTimeout(timer);
      }),
    );
  }

  async #command(code: string): Promise<void> {
    this.#output = '';
    for (const line of code.trim().split('\n')) {
      const command = this.#options.adapt?.(line) ?? line;
      if (/#.*terminal of its own/.test(command)) await this.#start(command);
      else this.#output += await this.run(command);
    }
  }

  /** Resolves when it has printed something. */
  async #start(command: string): Promise<void> {
    const child = this.#spawn(command);
    this.#running.push(child);
    await new Promise<void>((resolve, reject) => {
      let errors = '';
      child.stderr!.on('data', (chunk) => {
        errors += chunk;
      });
      child.stdout!.once('data', () => resolve());
      child.once('close', (code) => reject(new Error(`\`${command}\` ended with ${code}: ${errors}`)));
    });
    child.stdout!.resume();
  }

  #spawn(script: string): ChildProcess {
    // A group of its own, so that what npx starts is ended with it.
    return spawn('bash', ['-c', script], {
      cwd: this.folder,
      env: { ...process.env, ...this.#options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }

  #write(code: string): void {
    const name = /^\/\/ (\S+\.(?:ts|json))\b.*\n/.exec(code);
    if (name === null) return;
    const path = join(this.folder, name[1]!);
    mkdirSync(dirname(path), { recursive: true });
    // JSON has no remarks: there the first line is only the name.
    writeFileSync(path, path.endsWith('.json') ? code.slice(name[0].length) : code);
    this.files.push(name[1]!);
  }

  #compare(expected: string): void {
    const pattern = expected
      .trim()
      .split('...')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[\\s\\S]*');
    if (!new RegExp(`^${pattern}$`).test(this.#output.trim()))
      throw new Error(`the page says\n${expected}\nbut it was\n${this.#output}`);
  }
}

/** Reads a page as it stands. */
export function readPage(path: string): Block[] {
  return blocksOf(readFileSync(path, 'utf8'));
}

function kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // It has ended meanwhile.
  }
}
