import { type ClientOptions, roundRobin } from '@org/rpc-client';
import { percentile, type Simulation, type SimulationReport, simulate, uniformTime } from '@org/rpc-testkit';
import type { Chart, Series } from './chart.js';
import { LEAVES } from './rows/hedges.js';
import { CAPACITY, overload } from './rows/throttle.js';

/** The chart of each page that has one, by the page's name. */
export const CHARTS: Readonly<Record<string, () => Promise<Chart>>> = {
  'load-balancing': balancing,
  ejection,
  hedge,
  throttle,
  'stop-below': retries,
};

/** Something of each second of a run. */
function bySecond(seconds: number, figure: (fromMs: number) => number): Series['points'] {
  return Array.from({ length: seconds }, (_, second) => [second, figure(second * 1_000)] as const);
}

/** Attempts that arrived at all servers in a second. */
function attemptsAt({ servers }: SimulationReport, second: number): number {
  return servers.reduce((sum, { attemptsBySecond }) => sum + (attemptsBySecond[second] ?? 0), 0);
}

async function balancing(): Promise<Chart> {
  const run = async (name: string, options: ClientOptions): Promise<Series> => {
    const report = await simulate({
      clients: { perSecond: 1_000, options: { timeoutMs: 10_000, ...options } },
      servers: { count: 11, slots: 1_000, work: uniformTime(160, 200) },
      faults: [{ kind: 'slow', servers: 0, ms: 2_000, fromMs: 15_000, untilMs: 45_000 }],
      durationMs: 60_000,
    });
    return { name, points: bySecond(60, (from) => percentile(report.between(from, from + 1_000), 0.99)) };
  };
  const series = [await run('p2c()', {}), await run('roundRobin()', { balancer: roundRobin() })];
  return { title: 'One of 11 nodes takes 2 s from second 15 to 45', x: 'second', y: 'p99 of a second, ms', series };
}

async function ejection(): Promise<Chart> {
  const run = async (name: string, options: ClientOptions): Promise<Series> => {
    const report = await simulate({
      clients: { perSecond: 200, options: { retry: false, balancer: roundRobin(), ...options } },
      servers: { count: 10, work: uniformTime(15, 25) },
      faults: [{ kind: 'failing', servers: 0, share: 0.4, fromMs: 10_000, untilMs: 45_000 }],
      durationMs: 60_000,
    });
    const percent = (from: number): number => {
      const { failures, calls } = report.between(from, from + 1_000);
      return (100 * failures) / calls;
    };
    return { name, points: bySecond(60, percent) };
  };
  const series = [await run('by default', {}), await run('ejection: false', { ejection: false })];
  return { title: 'One of 10 nodes fails in 4 of 10 calls, no retries', x: 'second', y: 'failed calls, %', series };
}

async function hedge(): Promise<Chart> {
  const shares = [50, 90, 99, 99.9, 99.95];
  const run = async (name: string, options: ClientOptions): Promise<Series> => {
    const { clients } = LEAVES;
    const report = await simulate({ ...LEAVES, clients: { ...clients, options: { ...clients.options, ...options } } });
    return { name, points: shares.map((share, index) => [index, percentile(report, share / 100)] as const) };
  };
  const series = [await run('hedge: { delayMs: 10 }', { hedge: { delayMs: 10 } }), await run('no hedge', {})];
  const labels = shares.map((share, index) => [index, `p${share}`] as const);
  return { title: 'One answer in fifty takes 10 ms to 2 s', x: 'percentile', y: 'ms', series, labels };
}

async function throttle(): Promise<Chart> {
  const run = async (name: string, options: ClientOptions): Promise<Series> => {
    const report = await simulate(overload(options));
    return { name, points: bySecond(79, (from) => attemptsAt(report, from / 1_000) / CAPACITY) };
  };
  const series = [await run('by default', {}), await run('throttle: false', { throttle: false })];
  return {
    title: 'Two servers that can do a tenth of what is sent, until second 45',
    x: 'second',
    y: 'attempts, of what they can do',
    series,
  };
}

async function retries(): Promise<Chart> {
  const servers = [0, 1, 2];
  const simulation: Simulation = {
    clients: { count: 5, perSecond: 100 },
    servers: { count: 3, work: uniformTime(5, 15) },
    faults: [{ kind: 'failing', servers, fromMs: 10_000, untilMs: 30_000 }],
    durationMs: 45_000,
  };
  const run = async (name: string, options: ClientOptions): Promise<Series> => {
    const report = await simulate({ ...simulation, clients: { ...simulation.clients, options } });
    return { name, points: bySecond(44, (from) => attemptsAt(report, from / 1_000)) };
  };
  const large = { retry: { max: 3 }, retryBudget: { percent: 100 } } as const;
  const series = [await run('by default', {}), await run('three retries, percent: 100', large)];
  return { title: 'All servers fail from second 10 to 30, 100 calls/s', x: 'second', y: 'attempts a second', series };
}
