import type { WriteStream } from 'node:tty';
import { cut } from './format.js';

/** Where the demo is shown. */
export interface Screen {
  /** Whether it can be drawn upon: a terminal. */
  readonly isLive: boolean;
  /** Prints lines that stay. */
  print(...lines: readonly string[]): void;
  /** Draws lines below what stays, in place of those that were drawn before. Elsewhere than on a terminal nothing. */
  draw(lines: readonly string[]): void;
  /** Lets what is drawn stay, and gives the cursor back. */
  close(): void;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[0J';

/** Makes the screen of a stream. */
export function createScreen(stream: WriteStream): Screen {
  const isLive = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  if (!isLive) {
    return { isLive, print: (...lines) => void stream.write(`${lines.join('\n')}\n`), draw() {}, close() {} };
  }
  let drawn: readonly string[] = [];
  const show = (staying: readonly string[], lines: readonly string[]): void => {
    const back = drawn.length > 0 ? `\u001b[${drawn.length}A` : '';
    // A line that wraps, or more lines than there are rows, would spoil the way back up.
    drawn = lines.slice(0, (stream.rows || 24) - 1).map((line) => cut(line, (stream.columns || 80) - 1));
    const text = [...staying, ...drawn].map((line) => `${line}\n`).join('');
    // One write, or it flickers.
    stream.write(`${HIDE_CURSOR}${back}\r${CLEAR_BELOW}${text}`);
  };
  return {
    isLive,
    print: (...lines) => show(lines, drawn),
    draw: (lines) => show([], lines),
    close() {
      drawn = [];
      stream.write(SHOW_CURSOR);
    },
  };
}
