import type { ClientOptions } from '@org/rpc-client';
import type { Random } from '@org/rpc-core';
import {
  exponentialTime,
  type ServiceTime,
  type Simulation,
  type SimulationReport,
  simulate,
  uniformTime,
} from '@org/rpc-testkit';
import { roundRobin } from '../../../src/picker/round-robin.js';
import { once } from '../once.js';
import { byLoadAlone } from '../pickers.js';
import type { Row } from '../row.js';

/** The curve of a leaf of "The Tail at Scale": 2 % above 10 ms, 0.1 % above 64, 0.0001 % above 1.8 s. */
const TAIL = [
  [10, 0.02],
  [64, 1e-3],
  [1_800, 1e-6],
  [6_000, 1e-9],
] as const;

const leaf: ServiceTime = (random) => {
  const above = random();
  if (above > 0.02) return 1 + (9 * (1 - above)) / 0.98;
  for (const [index, [ms, share]] of TAIL.entries()) {
    const before = TAIL[index - 1];
    if (before === undefined || above < share) continue;
    const part = Math.log(above / before[1]) / Math.log(share / before[1]);
    return Math.exp(Math.log(before[0]) + part * Math.log(ms / before[0]));
  }
  return 6_000;
};

/** Many servers that are never busy: what is slow is slow by itself, and elsewhere it would not be. */
export const LEAVES: Simulation = {
  clients: { perSecond: 1_000, options: { timeoutMs: 10_000 } },
  servers: { count: 20, slots: 1_000, work: leaf, networkMs: 0 },
  durationMs: 40_000,
  warmUpMs: 0,
};

function withOptions(simulation: Simulation, options: ClientOptions): Simulation {
  const { clients } = simulation;
  return { ...simulation, clients: { ...clients, options: { ...clients.options, ...options } } };
}

/** Nothing said but that calls are hedged. */
const HEDGED: ClientOptions = { hedge: {} };

/** Attempts beyond the first, in percent of the calls. */
function extraPercent({ attemptsPerCall }: SimulationReport): number {
  return 100 * (attemptsPerCall - 1);
}

async function leaves(seed: number, options: ClientOptions): Promise<SimulationReport> {
  return simulate({ ...withOptions(LEAVES, options), seed });
}

// Several rows are read from these.
const plainLeaves = once((seed) => leaves(seed, {}));
const hedgedLeaves = once((seed) => leaves(seed, { hedge: { delayMs: 10 } }));
const hedgedIllOfThree = once((seed) => ofSome(seed, 3, HEDGED, true));

/** The most that is sent beyond the first attempts in any ten seconds while all servers are slower for some time, in percent. */
async function worstExtra(seed: number, options: ClientOptions): Promise<number> {
  const faults = [
    { kind: 'slower', times: 20, servers: [...Array(20).keys()], fromMs: 12_000, untilMs: 30_000 },
  ] as const;
  const report = await simulate({ ...withOptions(LEAVES, options), faults, seed });
  const attempts: number[] = [];
  for (const { attemptsBySecond } of report.servers)
    for (const [second, count] of attemptsBySecond.entries()) attempts[second] = (attempts[second] ?? 0) + count;
  let worst = 0;
  for (let from = 0; from + 10 <= 40; from++) {
    const sent = attempts.slice(from, from + 10).reduce((sum, count) => sum + count, 0);
    worst = Math.max(worst, 100 * (sent / report.between(from * 1_000, (from + 10) * 1_000).calls - 1));
  }
  return worst;
}

/** Some nodes of which one is three times as slow. @returns p99 as a multiple of that when all are well */
async function slower(seed: number, count: number, options: ClientOptions = HEDGED): Promise<number> {
  const healthy = await ofSome(seed, count, options, false);
  const isKept = count === 3 && options === HEDGED;
  const ill = isKept ? await hedgedIllOfThree(seed) : await ofSome(seed, count, options, true);
  return ill.p99Ms / healthy.p99Ms;
}

function ofSome(seed: number, count: number, options: ClientOptions, isIll: boolean): Promise<SimulationReport> {
  return simulate({
    clients: { count: 5, perSecond: 100 * count, options },
    servers: { count, slots: 4, work: 20 },
    ...(isIll ? { faults: [{ kind: 'slower', servers: 0, times: 3 }] } : {}),
    durationMs: 30_000,
    warmUpMs: 10_000,
    seed,
  });
}

const WORKS = {
  'the same for all calls': () => 20,
  'from 10 to 30 ms': uniformTime(10, 30),
  'log-normal': (random: Random) => 18 * Math.exp(0.5 * normal(random)),
  exponential: exponentialTime(20),
} as const satisfies Readonly<Record<string, ServiceTime>>;

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

interface Busy {
  readonly count: number;
  readonly work: keyof typeof WORKS;
  /** How busy the nodes are when all are well, 0 to 1. */
  readonly busy: number;
}

/** One of some nodes becomes three times as slow, with work of one kind. @returns p99 from then on, as a multiple of that when all are well */
async function becomesSlower(seed: number, { count, work, busy }: Busy, options: ClientOptions): Promise<number> {
  const run = (faults: Simulation['faults']) =>
    simulate({
      clients: { count: 5, perSecond: (busy * 4 * count * 1_000) / 20, options },
      servers: { count, slots: 4, work: WORKS[work] },
      faults,
      durationMs: 35_000,
      warmUpMs: 5_000,
      seed,
    });
  const slower = await run([{ kind: 'slower', servers: 0, times: 3, fromMs: 5_000 }]);
  return slower.p99Ms / (await run([])).p99Ms;
}

const PAGE = 'hedge';

/** Where all calls take as long and nobody waits, load alone does not show the slow node; elsewhere it takes a pick that looks at nothing. */
function without(scene: Busy): NonNullable<Row['control']> {
  if (scene.work === 'the same for all calls' && scene.busy === 0.3)
    return {
      what: 'a pick by load alone',
      value: (seed) => becomesSlower(seed, scene, { hedge: {}, balancer: byLoadAlone() }),
    };
  return {
    what: 'roundRobin() and no hedge',
    value: (seed) => becomesSlower(seed, scene, { balancer: roundRobin() }),
  };
}

/**
 * Of three nodes of which one is slow, two must be able to do all: at 70 % they are not. At half of it calls of equal length wait so long that
 * what the slow node takes is twice their p99 by itself, so that the bound is met by a hair.
 */
const BUSY = [
  [3, 0.3, 2],
  [3, 0.5, 2.05],
  [7, 0.5, 2],
  [7, 0.7, 2],
] as const;

/** The criterion, whatever the work: with nothing said but that calls are hedged. */
export const SLOWER_NODES: readonly Row[] = BUSY.flatMap(([count, busy, bound]) =>
  (Object.keys(WORKS) as (keyof typeof WORKS)[]).map(
    (work): Row => ({
      page: PAGE,
      scene: `one of ${count} nodes, ${100 * busy} % busy, becomes 3 x as slow, work ${work}`,
      measure: 'p99, of that when all are well',
      unit: 'x',
      bound,
      seeds: 1,
      value: (seed) => becomesSlower(seed, { count, work, busy }, { hedge: {} }),
      control: without({ count, work, busy }),
    }),
  ),
);

const LEAF = '20 nodes, one answer in fifty takes 10 ms to 2 s';
const WITHOUT = 'no hedge';

export const HEDGES: readonly Row[] = [
  {
    page: PAGE,
    scene: `${LEAF}, delayMs: 10`,
    measure: 'p99.9',
    unit: 'ms',
    bound: 22,
    seeds: 5,
    value: async (seed) => (await hedgedLeaves(seed)).p999Ms,
    control: { what: WITHOUT, value: async (seed) => (await plainLeaves(seed)).p999Ms },
  },
  {
    page: PAGE,
    scene: `${LEAF}, delayMs: 10`,
    measure: 'more calls',
    unit: '%',
    bound: 2.2,
    seeds: 2,
    value: async (seed) => extraPercent(await hedgedLeaves(seed)),
    control: { what: 'delayMs: 0', value: async (seed) => extraPercent(await leaves(seed, { hedge: { delayMs: 0 } })) },
  },
  {
    page: PAGE,
    scene: `${LEAF}, by percentile`,
    measure: 'p99.9',
    unit: 'ms',
    bound: 26,
    seeds: 3,
    value: async (seed) => (await leaves(seed, { hedge: {} })).p999Ms,
    control: { what: WITHOUT, value: async (seed) => (await plainLeaves(seed)).p999Ms },
  },
  ...([{}, { percentile: 95 }, { delayMs: 10 }] as const).map(
    (hedge): Row => ({
      page: PAGE,
      scene: `all nodes are 20 x as slow at once, hedge: ${JSON.stringify(hedge)}`,
      measure: 'more calls in any 10 s',
      unit: '%',
      bound: 2.5,
      seeds: 2,
      value: (seed) => worstExtra(seed, { hedge }),
      control: { what: 'maxPercent: 100', value: (seed) => worstExtra(seed, { hedge: { ...hedge, maxPercent: 100 } }) },
    }),
  ),
  ...[3, 7].map(
    (count): Row => ({
      page: PAGE,
      scene: `one of ${count} nodes is 3 x as slow`,
      measure: 'p99, of that when all are well',
      unit: 'x',
      bound: 2,
      seeds: 5,
      value: (seed) => slower(seed, count),
      control: {
        what: 'roundRobin() and no hedge',
        value: (seed) => slower(seed, count, { balancer: roundRobin() }),
      },
    }),
  ),
  {
    page: PAGE,
    scene: 'one of 3 nodes is 3 x as slow',
    measure: 'more calls',
    unit: '%',
    bound: 5,
    seeds: 2,
    value: async (seed) => extraPercent(await hedgedIllOfThree(seed)),
    control: {
      what: 'percentile: 90 and maxPercent: 100',
      value: async (seed) => extraPercent(await ofSome(seed, 3, { hedge: { percentile: 90, maxPercent: 100 } }, true)),
    },
  },
];
