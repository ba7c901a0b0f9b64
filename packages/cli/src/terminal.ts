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
  /** What comes on stdin, in pieces. */
  input(): AsyncIterable<Uint8Array | string>;
  /** Calls `run` at each SIGINT until the returned function is called. */
  onInterrupt(run: () => void): () => void;
}

/** The real process: its streams, environment, clock and SIGINT. */
export function systemTerminal(): Terminal {
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
    input: () => process.stdin,
    onInterrupt(run) {
      process.on('SIGINT', run);
      return () => process.off('SIGINT', run);
    },
  };
}
