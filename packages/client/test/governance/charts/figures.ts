import type { ClientOptions } from '@org/rpc-client';
import { percentile, type Simulation, type SimulationReport, simulate } from '@org/rpc-testkit';
import type { Series } from '../chart.js';

/** One number of a part of a run that begins at a second and is so many seconds long. */
export type Figure = (report: SimulationReport, second: number, seconds: number) => number;

/** Failed calls of a part of a run, in percent. */
export const failedPercent: Figure = (report, second, seconds) => {
  const { failures, calls } = report.between(second * 1_000, (second + seconds) * 1_000);
  return (100 * failures) / Math.max(1, calls);
};

/** Calls of a part of a run that were answered, a second. */
export const answered: Figure = (report, second, seconds) => {
  const { failures, calls } = report.between(second * 1_000, (second + seconds) * 1_000);
  return (calls - failures) / seconds;
};

/** The 99th percentile of a part of a run, in milliseconds. */
export const p99Ms: Figure = (report, second, seconds) =>
  percentile(report.between(second * 1_000, (second + seconds) * 1_000), 0.99);

/** Attempts that arrived at some servers, at all without `servers`, a second. */
export function attemptsAt(servers?: readonly number[]): Figure {
  return (report, second, seconds) => {
    let sum = 0;
    for (const [index, { attemptsBySecond }] of report.servers.entries())
      if (servers === undefined || servers.includes(index))
        for (const count of attemptsBySecond.slice(second, second + seconds)) sum += count;
    return sum / seconds;
  };
}

/** The points of a figure over a run, one for each so many seconds. */
export function pointsOf(report: SimulationReport, figure: Figure, lengthS: number, seconds = 1): Series['points'] {
  const points: [number, number][] = [];
  for (let second = 0; second + seconds <= lengthS; second += seconds)
    points.push([second, figure(report, second, seconds)]);
  return points;
}

/** A scene with other options of its clients. */
export function withOptions(scene: Simulation, options: ClientOptions): Simulation {
  const { clients } = scene;
  const shared = typeof clients.options === 'function' ? {} : clients.options;
  return { ...scene, clients: { ...clients, options: { ...shared, ...options } } };
}

/** Runs a scene once for each of some options of its clients: a line of a chart each. */
export async function compared(
  scene: Simulation,
  variants: Readonly<Record<string, ClientOptions>>,
  figure: Figure,
  seconds = 1,
): Promise<Series[]> {
  const series: Series[] = [];
  for (const [name, options] of Object.entries(variants)) {
    const report = await simulate({ warmUpMs: 0, ...withOptions(scene, options) });
    series.push({ name, points: pointsOf(report, figure, (scene.durationMs ?? 10_000) / 1_000, seconds) });
  }
  return series;
}

/** The same as a line of percentiles of the whole run each. */
export async function percentiles(
  scene: Simulation,
  variants: Readonly<Record<string, ClientOptions>>,
  shares: readonly number[],
): Promise<{ readonly series: Series[]; readonly labels: readonly (readonly [number, string])[] }> {
  const series: Series[] = [];
  for (const [name, options] of Object.entries(variants)) {
    const report = await simulate(withOptions(scene, options));
    series.push({ name, points: shares.map((share, index) => [index, percentile(report, share / 100)] as const) });
  }
  return { series, labels: shares.map((share, index) => [index, `p${share}`] as const) };
}
