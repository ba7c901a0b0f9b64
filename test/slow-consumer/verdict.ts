import type { BenchReport } from './processes.js';

/** One line of the verdict. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  readonly isGood: boolean;
}

/** What memory may rise while it is measured: garbage that is not yet collected moves it up and down. */
const GROWTH_BYTES_MAX = 16 * 1024 * 1024;
/** A window of 256 KiB holds four items; one more may be in the hand of the producer, the reader and the pump of each side. */
const AHEAD_MAX = 7;
const MIB = 1024 * 1024;

/** What the reports, made once a second after the warm-up, say about the promise. */
export function verdict(reports: readonly BenchReport[], slowNames: readonly string[]): Finding[] {
  const first = reports[0]!;
  const last = reports.at(-1)!;
  const steps = reports.length - 1;
  const produced = (name: string): number => last.server.produced[name] ?? 0;
  const producedMeanwhile = (name: string): number => produced(name) - (first.server.produced[name] ?? 0);
  const takenMeanwhile = (name: string): number => (last.peers[name] ?? 0) - (first.peers[name] ?? 0);
  const writerTaken = (last.server.taken['writer'] ?? 0) - (first.server.taken['writer'] ?? 0);

  const rss = steps * slope(reports.map(({ server }) => server.rssBytes));
  const buffers = steps * slope(reports.map(({ server }) => server.bufferBytes));
  const ahead = Math.max(...slowNames.map((name) => produced(name) - (last.peers[name] ?? 0)));
  const slowest = Math.min(writerTaken, ...slowNames.map(takenMeanwhile));
  const frozen = producedMeanwhile('frozen');
  const writerAhead = (last.peers['writer'] ?? 0) - (last.server.taken['writer'] ?? 0);
  const fast = (producedMeanwhile('fast') / 16 / steps).toFixed(0);
  return [
    { what: 'RSS, from', found: mib(first.server.rssBytes), isGood: true },
    { what: 'RSS, to', found: mib(last.server.rssBytes), isGood: true },
    { what: 'rise of RSS, by least squares', found: mib(rss), isGood: rss <= GROWTH_BYTES_MAX },
    { what: 'rise of buffers, by least squares', found: mib(buffers), isGood: buffers <= GROWTH_BYTES_MAX },
    { what: 'items moved by the slowest', found: `${slowest}`, isGood: slowest > steps },
    { what: 'items ahead of a slow reader, at most', found: `${ahead}`, isGood: ahead <= AHEAD_MAX },
    { what: 'items produced for the frozen reader', found: `${frozen}`, isGood: frozen === 0 },
    { what: 'items of the writer ahead of its handler', found: `${writerAhead}`, isGood: writerAhead <= AHEAD_MAX },
    { what: 'the fast reader meanwhile', found: `${fast} MiB/s`, isGood: producedMeanwhile('fast') > 0 },
  ];
}

/**
 * How fast values rise, by least squares: their unit for each step from one to the next. 0 for fewer than two.
 */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let rise = 0;
  let run = 0;
  for (const [index, value] of values.entries()) {
    rise += (index - middle) * (value - mean);
    run += (index - middle) ** 2;
  }
  return run === 0 ? 0 : rise / run;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
