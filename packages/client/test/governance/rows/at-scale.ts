import { type Simulation, type SimulationReport, simulate, uniformTime } from '@org/rpc-testkit';
import type { PickerFactory } from '../../../src/picker/picker.js';
import { random } from '../../../src/picker/random.js';
import { once } from '../once.js';
import { blind, makingUp } from '../pickers.js';
import type { Row } from '../row.js';
import { knowing } from './knowing.js';

const NODES = 100;

/** Many clients, each with ten calls a second to a hundred nodes, of which one is broken for two minutes. */
async function fleet(seed: number, count: number, balancer?: PickerFactory): Promise<SimulationReport> {
  return simulate({
    clients: { count, perSecond: 10 * count, options: balancer === undefined ? {} : { balancer } },
    servers: { count: NODES, work: uniformTime(5, 15) },
    faults: [{ kind: 'failing', servers: 0, fromMs: 10_000, untilMs: 130_000 }],
    durationMs: 160_000,
    seed,
  });
}

/** A run of minutes, of which both rows are read. */
const shipped = once((seed) => fleet(seed, 1_000));

/** What the broken node got within some seconds, as a multiple of its part. */
function shareOf({ servers }: SimulationReport, fromSecond: number, untilSecond: number): number {
  const attempts = servers[0]!.attemptsBySecond.slice(fromSecond, untilSecond).reduce((sum, count) => sum + count, 0);
  const all = servers.reduce((sum, each) => sum + each.attempts, 0) / servers[0]!.attemptsBySecond.length;
  return (attempts * NODES) / all / (untilSecond - fromSecond);
}

/** So many nodes of which some can do ten times as much and weigh so, 75 % busy. */
function weighing(seed: number, count: number, heavy: number, balancer: PickerFactory | undefined): Simulation {
  const weights = Array.from({ length: count }, (_, index) => (index < heavy ? 100 : 10));
  const slots = weights.map((weight) => weight / 10);
  const total = slots.reduce((sum, each) => sum + each, 0);
  return {
    clients: { perSecond: 0.75 * total * 50, options: balancer === undefined ? {} : { balancer } },
    servers: { count, slots, work: 20, weights },
    durationMs: 12_000,
    warmUpMs: 2_000,
    seed,
  };
}

const SIZES = [2, 3, 4, 5, 7, 10, 15, 20, 25, 30] as const;

/** Pools of 2 to 30 nodes with one heavy one, or two of many. @returns the worst figure of them */
async function ofPools(figure: (count: number, heavy: number) => Promise<number>): Promise<number> {
  let worst = 0;
  for (const count of SIZES) worst = Math.max(worst, await figure(count, count < 15 ? 1 : 2));
  return worst;
}

/** How far the share of the heavy nodes is from that of their weight, in percent of it. */
async function offShare(seed: number, count: number, heavy: number, balancer?: PickerFactory): Promise<number> {
  const { servers } = await simulate(weighing(seed, count, heavy, balancer));
  const all = servers.reduce((sum, { attempts }) => sum + attempts, 0);
  const got = servers.slice(0, heavy).reduce((sum, { attempts }) => sum + attempts, 0) / all;
  return 100 * Math.abs(got / ((10 * heavy) / (10 * heavy + count - heavy)) - 1);
}

async function p99OfDraw(seed: number, count: number, heavy: number, balancer?: PickerFactory): Promise<number> {
  const p99 = async (each: PickerFactory | undefined): Promise<number> =>
    (await simulate(weighing(seed, count, heavy, each))).p99Ms;
  return (await p99(balancer)) / (await p99(random()));
}

const PAGE = 'load-balancing';
const BROKEN = '1,000 clients with 10 calls/s each to 100 nodes, one broken for 2 minutes';
const POOLS = `pools of ${SIZES.join(', ')} nodes, 1 of which (2 from 15 on) can do ten times as much and weighs so, 75 % busy`;
const WEIGHTLESS = 'a pick that does not weigh';

export const AT_SCALE: readonly Row[] = [
  {
    page: PAGE,
    scene: BROKEN,
    measure: 'its share meanwhile',
    unit: 'x',
    bound: 0.2,
    seeds: 1,
    value: async (seed) => shareOf(await shipped(seed), 10, 130),
    control: {
      what: 'a pick that looks at nothing, 100 clients',
      value: async (seed) => shareOf(await fleet(seed, 100, blind()), 10, 130),
    },
  },
  {
    page: PAGE,
    scene: BROKEN,
    measure: 'its share in the 30 s after it',
    unit: 'x',
    bound: 1.2,
    seeds: 1,
    value: async (seed) => shareOf(await shipped(seed), 130, 160),
    control: {
      what: 'a node makes up for what it has missed, 100 clients',
      value: async (seed) => shareOf(await fleet(seed, 100, makingUp(30_000)), 130, 160),
    },
  },
  ...knowing(50),
  {
    page: PAGE,
    scene: POOLS,
    measure: 'their share, off that of their weight',
    unit: '%',
    bound: 10,
    seeds: 1,
    value: (seed) => ofPools((count, heavy) => offShare(seed, count, heavy)),
    control: { what: WEIGHTLESS, value: (seed) => ofPools((count, heavy) => offShare(seed, count, heavy, blind())) },
  },
  {
    page: PAGE,
    scene: POOLS,
    measure: 'p99, of that of a weighted draw',
    unit: 'x',
    bound: 1.1,
    seeds: 1,
    value: (seed) => ofPools((count, heavy) => p99OfDraw(seed, count, heavy)),
    control: { what: WEIGHTLESS, value: (seed) => ofPools((count, heavy) => p99OfDraw(seed, count, heavy, blind())) },
  },
];
