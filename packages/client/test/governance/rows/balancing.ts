import {
  measuredTime,
  percentile,
  type SimulationResult,
  shareWithin,
  simulateCalls,
  uniformTime,
} from '@org/rpc-testkit';
import { p2c } from '../../../src/picker/p2c.js';
import type { PickerFactory } from '../../../src/picker/picker.js';
import { roundRobin } from '../../../src/picker/round-robin.js';
import { blind, withoutTrials } from '../pickers.js';
import { broken, healthy, Rig, type Script } from '../rig.js';
import type { Row } from '../row.js';

/** The latencies of the servers in Buoyant's "Beyond Round Robin" (2016), from finagle-benchmark's real_latencies.data. */
const FINAGLE = measuredTime([
  [0, 164.086],
  [0.5, 167.483],
  [0.9, 176.702],
  [0.95, 181.719],
  [0.99, 192.309],
  [0.999, 198.823],
  [1, 199.989],
]);

/** Eleven nodes of which one takes two seconds for half a minute. */
async function slowNode(seed: number, picker: PickerFactory): Promise<SimulationResult> {
  const slow: Script = (now, random) => ({ afterMs: now >= 15_000 && now < 45_000 ? 2_000 : FINAGLE(random) });
  const rig = new Rig({ seed, picker, nodes: [slow, ...new Array<Script>(10).fill(healthy(FINAGLE))] });
  const { clock, random } = rig;
  return simulateCalls({ clock, random, perSecond: 1_000, durationMs: 60_000, call: () => rig.call() });
}

const FAILS_FROM_MS = 10_000;
const FAILS_UNTIL_MS = 40_000;
const TIME = uniformTime(40, 60);

/** Ten nodes of which one fails in a millisecond. @returns the failed calls of the time of failure alone, in percent */
async function blackHole(seed: number, picker: PickerFactory, idempotent: boolean): Promise<number> {
  const failing: Script = (now, random) =>
    now >= FAILS_FROM_MS && now < FAILS_UNTIL_MS ? { afterMs: 1, error: broken() } : { afterMs: TIME(random) };
  const rig = new Rig({ seed, picker, idempotent, nodes: [failing, ...new Array<Script>(9).fill(healthy(TIME))] });
  const { clock, random } = rig;
  const { failures } = await simulateCalls({
    clock,
    random,
    perSecond: 500,
    durationMs: 50_000,
    call: () => rig.call(),
  });
  return (100 * failures) / (500 * 30);
}

/** A node that is back after an outage of any length up to a minute. @returns when it is given its first call, in seconds */
async function firstCallAfter(seed: number, size: number, picker = p2c()): Promise<number> {
  const recoversAt = 10_000 + [500, 5_000, 20_000, 60_000][seed % 4]!;
  const failing: Script = (now, random) =>
    now >= 10_000 && now < recoversAt ? { afterMs: 1, error: broken() } : { afterMs: TIME(random) };
  const nodes = [failing, ...new Array<Script>(size - 1).fill(healthy(TIME))];
  const rig = new Rig({ seed, picker, nodes, retries: 2, timeoutMs: 1_000 });
  const { clock, random } = rig;
  const durationMs = recoversAt + 7_000;
  await simulateCalls({ clock, random, perSecond: 500, durationMs, settleMs: 2_000, call: () => rig.call() });
  const first = rig.nodes[0]!.arrivals.find((at) => at >= recoversAt);
  return first === undefined ? Number.POSITIVE_INFINITY : (first - recoversAt) / 1_000;
}

const PAGE = 'load-balancing';
const SLOW = 'one of 11 nodes takes 2 s for half a minute';
const HOLE = 'one of 10 nodes fails in 1 ms, no retries';

export const BALANCING: readonly Row[] = [
  {
    page: PAGE,
    scene: SLOW,
    measure: 'calls within 1 s',
    unit: '%',
    bound: 99.9,
    isLeast: true,
    seeds: 20,
    value: async (seed) => 100 * shareWithin(await slowNode(seed, p2c()), 1_000),
    control: {
      what: 'round robin',
      value: async (seed) => 100 * shareWithin(await slowNode(seed, roundRobin()), 1_000),
    },
  },
  {
    page: PAGE,
    scene: SLOW,
    measure: 'p99.9',
    unit: 'ms',
    bound: 250,
    seeds: 3,
    value: async (seed) => percentile(await slowNode(seed, p2c()), 0.999),
    control: { what: 'round robin', value: async (seed) => percentile(await slowNode(seed, roundRobin()), 0.999) },
  },
  ...[true, false].map(
    (idempotent): Row => ({
      page: PAGE,
      scene: idempotent ? HOLE : `${HOLE}, calls that must not be repeated`,
      measure: 'failed meanwhile',
      unit: '%',
      bound: 0.05,
      seeds: 20,
      value: (seed) => blackHole(seed, p2c(), idempotent),
      control: { what: 'a pick that looks at nothing', value: (seed) => blackHole(seed, blind(), idempotent) },
    }),
  ),
  ...[2, 3, 10, 100].map(
    (size): Row => ({
      page: PAGE,
      scene: `one of ${size} nodes is back after 0.5 to 60 s`,
      measure: 'until its first call',
      unit: 's',
      bound: 6,
      seeds: 20,
      value: (seed) => firstCallAfter(seed, size),
      control: { what: 'no trial calls', value: (seed) => firstCallAfter(seed, size, withoutTrials()) },
    }),
  ),
];
