import { createStyle } from '../format/style.js';
import { formatCount, formatMs, formatSpan } from '../format/units.js';
import type { Terminal } from '../terminal.js';
import type { Interval } from './load/recorder.js';

/** Shows on stderr how a run goes on. */
export interface Progress {
  interval(interval: Interval): void;
  /** Takes the live line away. */
  end(): void;
}

/** Where no live line can be drawn, a line this often is enough for a log. */
const PLAIN_EVERY = 5;
/** The rest of a second at the end of a run says nothing of its speed. */
const INTERVAL_MIN_MS = 500;

/** A live line on a terminal, a plain line every five seconds elsewhere. */
export function createProgress(terminal: Terminal): Progress {
  const { errIsTerminal, columns } = terminal;
  const style = createStyle(errIsTerminal, terminal.environment);
  let intervals = 0;
  return {
    interval(interval) {
      if (interval.durationMs < INTERVAL_MIN_MS) return;
      intervals++;
      const line = describeInterval(interval);
      // Cut to the terminal, as a line that wraps cannot be drawn over; ESC [ K clears what a longer one left behind.
      if (errIsTerminal) terminal.err(`\r${style.dim(line.slice(0, columns - 1))}\u001b[K`);
      else if (intervals % PLAIN_EVERY === 0) terminal.err(`${line}\n`);
    },
    end() {
      if (errIsTerminal && intervals > 0) terminal.err('\r\u001b[K');
    },
  };
}

/** No progress at all, for `--json` and `--quiet`. */
export function silentProgress(): Progress {
  return { interval: () => {}, end: () => {} };
}

function describeInterval({
  phase,
  startMs,
  durationMs,
  callsPerSecond,
  p50Ms,
  p99Ms,
  errors,
  dropped,
}: Interval): string {
  const parts = [
    `${phase} ${formatSpan(Math.round((startMs + durationMs) / 1000) * 1000)}`.padEnd(16),
    `${formatCount(callsPerSecond)} calls/s`.padStart(17),
    `p50 ${formatMs(p50Ms)}`,
    `p99 ${formatMs(p99Ms)}`,
  ];
  if (errors > 0) parts.push(`errors ${formatCount(errors)}`);
  if (dropped > 0) parts.push(`dropped ${formatCount(dropped)}`);
  return parts.join('  ');
}
