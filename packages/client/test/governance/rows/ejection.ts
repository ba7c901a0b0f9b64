import { type SimulationResult, simulateCalls, uniformTime } from '@org/rpc-testkit';
import { p2c } from '../../../src/picker/p2c.js';
import type { PickerFactory } from '../../../src/picker/picker.js';
import { roundRobin } from '../../../src/picker/round-robin.js';
import { blind, withoutTrials } from '../pickers.js';
import { broken, healthy, Rig, type RigOptions, type Script } from '../rig.js';
import type { Row } from '../row.js';

const FROM_MS = 10_000;
const UNTIL_MS = 70_000;

const fine = healthy(uniformTime(15, 25));
const failing: Script = (now, random, call) =>
  now >= FROM_MS && now < UNTIL_MS ? { afterMs: 5, error: broken() } : fine(now, random, call);

interface Run extends SimulationResult {
  readonly rig: Rig;
  /** How many nodes were left alone at the end of the outage. */
  readonly ejected: number;
  /** Of them, and of those that work. */
  readonly wrongly: number;
}

async function run(seed: number, ill: number, picker: PickerFactory, options: Partial<RigOptions> = {}): Promise<Run> {
  const nodes = Array.from({ length: 10 }, (_, index) => (index < ill ? failing : fine));
  const rig = new Rig({ seed, picker, nodes, ...options });
  const { clock, random } = rig;
  let ejected = 0;
  let wrongly = 0;
  clock.schedule(UNTIL_MS - 1, () => {
    rig.nodes.forEach(({ health }, index) => {
      if (health.isEjected) ejected++;
      if (health.isEjected && index >= ill) wrongly++;
    });
  });
  const result = await simulateCalls({ clock, random, perSecond: 200, durationMs: UNTIL_MS, call: () => rig.call() });
  return { ...result, rig, ejected, wrongly };
}

/** One that fails in four of ten calls, which neither a breaker nor a row of failures finds. @returns failed calls in percent */
async function flaky(seed: number, ejection?: false): Promise<number> {
  const often: Script = (now, random, call) => (random() < 0.4 ? failing(now, random, call) : fine(now, random, call));
  const nodes = [often, ...new Array<Script>(9).fill(fine)];
  const rig = new Rig({ seed, picker: roundRobin(), nodes, ...(ejection === undefined ? {} : { ejection }) });
  const { clock, random } = rig;
  const call = (): Promise<unknown> => rig.call();
  const { failures, calls } = await simulateCalls({ clock, random, perSecond: 200, durationMs: UNTIL_MS, call });
  return (100 * failures) / calls;
}

/** How many of the ill nodes are given calls at the end of the outage, and of the others are not. */
async function misjudged(seed: number, ill: number, options: Partial<RigOptions> = {}): Promise<number> {
  const { ejected, wrongly } = await run(seed, ill, p2c(), options);
  return Math.abs(Math.min(ill, 5) - ejected) + wrongly;
}

/** How many are left alone still ten seconds after the outage. */
async function leftAlone(seed: number, picker: PickerFactory): Promise<number> {
  const { rig } = await run(seed, 5, picker);
  const { clock, random } = rig;
  await simulateCalls({ clock, random, perSecond: 200, durationMs: 10_000, call: () => rig.call() });
  return rig.nodes.filter(({ health }) => health.isEjected).length;
}

const PAGE = 'ejection';
const WITHOUT = 'no ejection';

export const EJECTION: readonly Row[] = [
  ...[3, 5, 6].map(
    (ill): Row => ({
      page: PAGE,
      scene: `${ill} of 10 nodes fail wholly for a minute`,
      measure: 'nodes that are judged wrongly (at most half are left alone)',
      unit: 'nodes',
      bound: 0,
      seeds: ill === 6 ? 10 : 20,
      value: (seed) => misjudged(seed, ill),
      control: { what: WITHOUT, value: (seed) => misjudged(seed, ill, { ejection: false }) },
    }),
  ),
  {
    page: PAGE,
    scene: '6 of 10 nodes fail wholly for a minute',
    measure: 'failed',
    unit: '%',
    bound: 2,
    seeds: 10,
    value: async (seed) => {
      const { failures, calls } = await run(seed, 6, p2c());
      return (100 * failures) / calls;
    },
    control: {
      what: 'a pick that looks at nothing',
      value: async (seed) => {
        const { failures, calls } = await run(seed, 6, blind());
        return (100 * failures) / calls;
      },
    },
  },
  {
    page: PAGE,
    scene: 'one of 10 nodes fails in 4 of 10 calls, roundRobin()',
    measure: 'failed',
    unit: '%',
    bound: 1,
    seeds: 3,
    value: (seed) => flaky(seed),
    control: { what: WITHOUT, value: (seed) => flaky(seed, false) },
  },
  {
    page: PAGE,
    scene: '5 of 10 nodes are well again after a minute',
    measure: 'left alone 10 s later',
    unit: 'nodes',
    bound: 0,
    seeds: 5,
    value: (seed) => leftAlone(seed, p2c()),
    control: { what: 'no trial calls', value: (seed) => leftAlone(seed, withoutTrials()) },
  },
];
