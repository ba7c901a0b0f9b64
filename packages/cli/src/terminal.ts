import { isatty } from 'node:tty';
import type { Clock, Random } from '@org/rpc-core';
import { systemClock, systemRandom } from '@org/rpc-core';

/** What a command needs of the process it runs in; replaced as a whole in tests. */
export interface Terminal {
  /** Writes to stdout; the text brings its own line ends. */
  out(text: string): void;
  /** Writes to stderr; the text brings its own line ends. */
  err(text: string): void;
  /** Whether stdout is a terminal: colours are used only there. */
  readonly outIsTerminal: boolean;
  /** Whether stderr is a terminal: the live line is drawn only there. */
  readonly errIsTerminal: boolean;
  /** Characters in a line of stderr; the live line is cut to it. */
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when stdout has taken enough of what was written to take more: at once, unless its reader is slow. */
  drained(): Promise<void>;
  /** What comes on stdin, in pieces. */
  input(): AsyncIterable<Uint8Array | string>;
  /** Whether stdin is a terminal, where a person has to be told that something is waited for. */
  readonly inputIsTerminal: boolean;
  /** Lets go of stdin, if it is being read: a process that waits for it does not end. */
  closeInput(): void;
  /** Columns and rows of stdout, as they are now. */
  size(): { readonly columns: number; readonly rows: number };
  /** Reads keys one by one, where stdin is a terminal, until the returned function is called. Special keys come as their escape sequence. */
  onKeys(run: (key: string) => void): () => void;
  /** Calls `run` at each SIGINT until the returned function is called. */
  onInterrupt(run: () => void): () => void;
}

/** The real process: its streams, environment, clock and SIGINT. */
export function systemTerminal(): Terminal {
  let isReading = false;
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 80,
    environment: process.env,
    clock: systemClock,
    random: systemRandom,
    drained: () => {
      const { stdout } = process;
      return stdout.writableNeedDrain ? new Promise((resolve) => stdout.once('drain', resolve)) : Promise.resolve();
    },
    input() {
      isReading = true;
      return process.stdin;
    },
    // Not process.stdin.isTTY: to look at that stream is to open it.
    inputIsTerminal: isatty(0),
    closeInput() {
      if (isReading) process.stdin.destroy();
    },
    size: () => ({ columns: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24 }),
    onKeys(run) {
      if (!isatty(0)) return () => {};
      const onData = (text: string): void => run(text);
      process.stdin.setRawMode(true).setEncoding('utf8').on('data', onData).resume();
      return () => {
        process.stdin.off('data', onData).setRawMode(false).pause();
      };
    },
    onInterrupt(run) {
      process.on('SIGINT', run);
      return () => process.off('SIGINT', run);
    },
  };
}
