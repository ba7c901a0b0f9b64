import { type Simulation, uniformTime } from '@org/rpc-testkit';
import type { Chart } from '../chart.js';
import { LEAVES } from '../rows/hedges.js';
import { attemptsAt, compared, failedPercent, percentiles } from './figures.js';

/** One attempt in ten fails, whichever node has it. */
export async function retry(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 4, perSecond: 400 },
    servers: { count: 5, work: uniformTime(5, 15) },
    faults: [{ kind: 'failing', servers: [0, 1, 2, 3, 4], share: 0.1, fromMs: 10_000, untilMs: 40_000 }],
    durationMs: 50_000,
  };
  const series = await compared(scene, { 'by default': {}, 'retry: false': { retry: false } }, failedPercent);
  return {
    title: 'One attempt in ten fails, at all 5 nodes alike',
    x: 'second',
    y: 'failed calls, %',
    series,
    bands: [{ from: 10, until: 40, label: 'errors' }],
  };
}

/** A slow answer that another node would have given at once. */
export async function timeout(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 4, perSecond: 200 },
    servers: { count: 5, work: uniformTime(10, 30) },
    faults: [{ kind: 'slow', servers: [0, 1, 2, 3, 4], share: 0.02, ms: 5_000 }],
    durationMs: 60_000,
    warmUpMs: 5_000,
  };
  const variants = {
    'by default': {},
    'attemptTimeoutMs: 100': { attemptTimeoutMs: 100 },
    'retry: false': { retry: false },
  } as const;
  const { series, labels } = await percentiles(scene, variants, [50, 90, 95, 99, 99.9]);
  const title = 'One answer in fifty takes 5 s, all nodes, timeoutMs: 1000';
  return { title, x: 'percentile of all calls', y: 'ms', series, labels };
}

/** Answers that are slow now and then. */
export async function hedge(): Promise<Chart> {
  const variants = { 'hedge: { delayMs: 10 }': { hedge: { delayMs: 10 } }, 'no hedge': {} } as const;
  const { series, labels } = await percentiles(LEAVES, variants, [50, 90, 99, 99.9, 99.95]);
  return { title: 'One answer in fifty takes 10 ms to 2 s', x: 'percentile of all calls', y: 'ms', series, labels };
}

/** Everything fails: what repeats add to the load. */
export async function stopBelow(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 5, perSecond: 100 },
    servers: { count: 3, work: uniformTime(5, 15) },
    faults: [{ kind: 'failing', servers: [0, 1, 2], fromMs: 10_000, untilMs: 30_000 }],
    durationMs: 44_000,
  };
  const large = { retry: { max: 3 }, retryBudget: { percent: 100 } } as const;
  const series = await compared(scene, { 'by default': {}, 'three retries, percent: 100': large }, attemptsAt());
  return {
    title: 'What 3 servers are sent while all of them fail, 100 calls/s',
    x: 'second',
    y: 'attempts a second',
    series,
    bands: [{ from: 10, until: 30, label: 'all fail' }],
  };
}
