import { percentile, type Simulation, type SimulationReport, simulate, uniformTime } from '@org/rpc-testkit';
import type { PickerFactory } from '../../../src/picker/picker.js';
import { random } from '../../../src/picker/random.js';
import { once } from '../once.js';
import { blind, fastest, makingUp } from '../pickers.js';
import type { Row } from '../row.js';

function attempts({ servers }: SimulationReport, server: number, fromSecond: number, untilSecond: number): number {
  return servers[server]!.attemptsBySecond.slice(fromSecond, untilSecond).reduce((sum, count) => sum + count, 0);
}

/** The least that a node got of the calls of any ten seconds. */
function leastShare(report: SimulationReport, seconds: number): number {
  let least = 1;
  for (let from = 0; from + 10 <= seconds; from++) {
    const counts = report.servers.map((_, server) => attempts(report, server, from, from + 10));
    least = Math.min(least, Math.min(...counts) / counts.reduce((sum, count) => sum + count, 0));
  }
  return least;
}

function optionsOf(balancer: PickerFactory | undefined): { readonly balancer?: PickerFactory } {
  return balancer === undefined ? {} : { balancer };
}

/** One caller that makes one call after the other; the first answer of each node is slow. */
async function sequential(seed: number, perSecond: number, balancer?: PickerFactory): Promise<number> {
  const report = await simulate({
    clients: { perSecond, arrivals: 'sequential', options: optionsOf(balancer) },
    servers: { count: 3, work: uniformTime(0.2, 0.4), networkMs: 0.05 },
    faults: [{ kind: 'slow', servers: [0, 1, 2], ms: 25, calls: 1 }],
    durationMs: 40_000,
    warmUpMs: 0,
    seed,
  });
  return 100 * leastShare(report, 40);
}

/** Twenty of a thousand clients of a hundred nodes, with ten calls a second each; one node is broken for two minutes. */
function sparse(seed: number, balancer?: PickerFactory): Promise<SimulationReport> {
  return simulate({
    clients: { count: 20, perSecond: 200, options: optionsOf(balancer) },
    servers: { count: 100, work: uniformTime(5, 15) },
    faults: [{ kind: 'failing', servers: 0, fromMs: 10_000, untilMs: 130_000 }],
    durationMs: 160_000,
    seed,
  });
}

const shippedSparse = once((seed) => sparse(seed));

/** What the broken node got within some seconds, as a multiple of its part. */
function brokenShare(report: SimulationReport, fromSecond: number, untilSecond: number): number {
  return attempts(report, 0, fromSecond, untilSecond) / (2 * (untilSecond - fromSecond));
}

/** Thirty nodes that are 85 % busy, of which one comes back. @returns p99 afterwards, of that when none was away */
async function comesBack(seed: number, balancer?: PickerFactory): Promise<number> {
  const pool: Simulation = {
    clients: { count: 3, perSecond: 0.85 * 30 * 2 * 50, options: optionsOf(balancer) },
    servers: { count: 30, slots: 2, work: 20 },
    durationMs: 22_000,
  };
  const faults = [{ kind: 'failing', servers: 0, fromMs: 4_000, untilMs: 12_000 }] as const;
  const report = await simulate({ ...pool, seed, faults });
  const usual = percentile((await simulate(pool)).between(12_000, 22_000), 0.99);
  return percentile(report.between(12_000, 22_000), 0.99) / usual;
}

/** Nodes that can do as much as they weigh, 75 % busy. @returns p99, of that of a weighted draw */
async function weighted(seed: number, count: number, heavy: number, balancer?: PickerFactory): Promise<number> {
  const weights = Array.from({ length: count }, (_, index) => (index < heavy ? 100 : 10));
  const slots = weights.map((weight) => weight / 10);
  const total = slots.reduce((sum, each) => sum + each, 0);
  const p99 = async (each: PickerFactory | undefined): Promise<number> => {
    const simulation: Simulation = {
      clients: { perSecond: 0.75 * total * 50, options: optionsOf(each) },
      servers: { count, slots, work: 20, weights },
      durationMs: 12_000,
      warmUpMs: 2_000,
      seed,
    };
    return (await simulate(simulation)).p99Ms;
  };
  return (await p99(balancer)) / (await p99(random()));
}

const PAGE = 'load-balancing';
const SPARSE = '20 clients with 10 calls/s each to 100 nodes, one broken for 2 minutes';
const BLIND = 'a pick that looks at nothing';

export const EVEN: readonly Row[] = [
  ...[50, 200].map(
    (perSecond): Row => ({
      page: PAGE,
      scene: `one caller with ${perSecond} calls/s, 3 nodes of 0.3 ms, slow first answers`,
      measure: 'least share of a node in any 10 s',
      unit: '%',
      bound: 15,
      isLeast: true,
      seeds: 10,
      value: (seed) => sequential(seed, perSecond),
      control: { what: 'the faster one by however little', value: (seed) => sequential(seed, perSecond, fastest()) },
    }),
  ),
  {
    page: PAGE,
    scene: SPARSE,
    measure: 'its share meanwhile',
    unit: 'x',
    bound: 0.2,
    seeds: 3,
    value: async (seed) => brokenShare(await shippedSparse(seed), 10, 130),
    control: { what: BLIND, value: async (seed) => brokenShare(await sparse(seed, blind()), 10, 130) },
  },
  {
    page: PAGE,
    scene: SPARSE,
    measure: 'its share in the 30 s after it',
    unit: 'x',
    bound: 1.2,
    seeds: 3,
    value: async (seed) => brokenShare(await shippedSparse(seed), 130, 160),
    control: {
      what: 'a node makes up for what it has missed',
      value: async (seed) => brokenShare(await sparse(seed, makingUp(30_000)), 130, 160),
    },
  },
  {
    page: PAGE,
    scene: 'one of 30 nodes, 85 % busy, comes back',
    measure: 'p99, of that when none was away',
    unit: 'x',
    bound: 1.2,
    seeds: 3,
    value: (seed) => comesBack(seed),
    control: { what: 'a node makes up for what it has missed', value: (seed) => comesBack(seed, makingUp(5_000)) },
  },
  ...(
    [
      [2, 1],
      [10, 1],
      [30, 2],
    ] as const
  ).map(
    ([count, heavy]): Row => ({
      page: PAGE,
      scene: `${heavy} of ${count} nodes can do ten times as much and weighs so, 75 % busy`,
      measure: 'p99, of that of a weighted draw',
      unit: 'x',
      bound: 1.1,
      seeds: 3,
      value: (seed) => weighted(seed, count, heavy),
      control: { what: 'a pick that does not weigh', value: (seed) => weighted(seed, count, heavy, blind()) },
    }),
  ),
];
