import { localFirst, type PickerFactory, p2c } from '@org/rpc-client';
import { type ServiceTime, type Simulation, type SimulationReport, simulate } from '@org/rpc-testkit';
import { attemptsAt } from '../charts/figures.js';
import type { Row } from '../row.js';

/** Calls of the first seconds do not count. */
export const WARM_UP_S = 10;

/** Around 45 ms, which varies a little. */
const work: ServiceTime = (random) =>
  40 * Math.exp(0.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

/** Three nodes near and three that are 4 ms further away, each with 8 slots; with all calls the near ones would be busy to this part. */
export function twoZones(nearBusy: number, seed: number, balancer: PickerFactory): Simulation {
  return {
    clients: {
      count: 3,
      perSecond: (nearBusy * 3 * 8 * 1_000) / 45.3,
      options: { balancer, zone: 'a', timeoutMs: 3_000 },
    },
    servers: { count: 6, slots: 8, work, zones: ['a', 'b'], crossZoneMs: 4 },
    durationMs: 18_000,
    warmUpMs: WARM_UP_S * 1_000,
    seed,
  };
}

const NEAR = [0, 2, 4];

/** What the near nodes got of the calls, from a second to another, 0 to 1. */
export function nearShare(report: SimulationReport, from = WARM_UP_S, until = 18): number {
  return attemptsAt(NEAR)(report, from, until - from) / attemptsAt()(report, from, until - from);
}

async function nearPercent(simulation: Simulation, from?: number, until?: number): Promise<number> {
  return 100 * nearShare(await simulate(simulation), from, until);
}

/** p99 where more comes than near nodes can carry, of that where all nodes are alike. */
async function overflowing(seed: number, balancer: PickerFactory): Promise<number> {
  const ours = await simulate(twoZones(1.5, seed, balancer));
  return ours.p99Ms / (await simulate(twoZones(1.5, seed, p2c()))).p99Ms;
}

/** A client that starts. */
function starting(seed: number, balancer: PickerFactory): Simulation {
  return { ...twoZones(0.7, seed, balancer), durationMs: 6_000, warmUpMs: 0 };
}

/** Traffic that falls after ten seconds. */
function easing(seed: number, balancer: PickerFactory): Simulation {
  const usual = twoZones(0.7, seed, balancer);
  const much = twoZones(1.5, seed, balancer).clients.perSecond as number;
  const little = usual.clients.perSecond as number;
  return { ...usual, clients: { ...usual.clients, perSecond: (atMs) => (atMs < 10_000 ? much : little) } };
}

/** Near nodes that are four times as slow for five seconds, from the fourth on. */
function slowed(seed: number, balancer: PickerFactory): Simulation {
  const faults = [{ kind: 'slower', servers: NEAR, times: 4, fromMs: 4_000, untilMs: 9_000 }] as const;
  return { ...twoZones(0.36, seed, balancer), faults };
}

const PAGE = 'local-first';
const HOME = { page: PAGE, unit: '%', bound: 95, isLeast: true, seeds: 3 } as const;
const ALIKE = 'p2c()';

export const ZONES: readonly Row[] = [
  {
    ...HOME,
    scene: 'near nodes, 80 % busy with all calls, can carry them',
    measure: 'they get',
    value: (seed) => nearPercent(twoZones(0.8, seed, localFirst())),
    control: { what: ALIKE, value: (seed) => nearPercent(twoZones(0.8, seed, p2c())) },
  },
  {
    page: PAGE,
    scene: 'near nodes are offered 150 % of what they can carry',
    measure: 'p99, of that of all nodes alike',
    unit: 'x',
    bound: 1.2,
    seeds: 3,
    value: (seed) => overflowing(seed, localFirst()),
    control: {
      what: "otherwise: 'none'",
      value: (seed) => overflowing(seed, localFirst({ otherwise: 'none' })),
    },
  },
  {
    ...HOME,
    scene: 'a client starts, near nodes 70 % busy',
    measure: 'they get from 3 to 6 s',
    value: (seed) => nearPercent(starting(seed, localFirst()), 3, 6),
    control: { what: ALIKE, value: (seed) => nearPercent(starting(seed, p2c()), 3, 6) },
  },
  {
    ...HOME,
    scene: 'traffic falls from 150 % to 70 % of what near nodes can carry',
    measure: 'they get from 3 to 6 s after it',
    value: (seed) => nearPercent(easing(seed, localFirst()), 13, 16),
    control: { what: ALIKE, value: (seed) => nearPercent(easing(seed, p2c()), 13, 16) },
  },
  {
    ...HOME,
    scene: 'near nodes, 36 % busy, are well after 5 s of being four times as slow',
    measure: 'they get from 6 to 9 s after it',
    value: (seed) => nearPercent(slowed(seed, localFirst()), 15, 18),
    control: { what: ALIKE, value: (seed) => nearPercent(slowed(seed, p2c()), 15, 18) },
  },
];
