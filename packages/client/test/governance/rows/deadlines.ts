import type { Call, Outcome, Random } from '@org/rpc-core';
import { simulateCalls } from '@org/rpc-testkit';
import { p2c } from '../../../src/picker/p2c.js';
import { MethodLatency } from '../../../src/policy/method-latency.js';
import { flatFailures } from '../flat-failures.js';
import { Rig, type RigOptions, type Script } from '../rig.js';
import type { Row } from '../row.js';

/** The standard normal distribution, by the method of Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Answers with a median of 20 ms, of which one in a thousand takes 440 ms or more. */
const heavyTailMs = (random: Random): number => 20 * Math.exp(normal(random));

/** What bounded attempts before: three times the slowest answer of ten to twenty seconds. */
class SlowestAnswer {
  #answers: { readonly at: number; readonly ms: number }[] = [];

  slowMs(now: number): number | undefined {
    this.#answers = this.#answers.filter(({ at }) => now - at < 20_000);
    // The factor is 2 now; three times the maximum is what it was.
    return this.#answers.length < 20 ? undefined : 1.5 * Math.max(...this.#answers.map(({ ms }) => ms));
  }

  settle(call: Call, outcome: Outcome): void {
    if (outcome === undefined) this.#answers.push({ at: call.endedAt, ms: call.endedAt - call.startedAt });
  }
}

/** Calls that fail while one of three nodes is frozen from 30 to 40 s. */
async function lostToFreeze(seed: number, latency: NonNullable<RigOptions['latency']>): Promise<number> {
  const answering: Script = (_now, random) => ({ afterMs: heavyTailMs(random) });
  const freezing: Script = (now, random) => ({
    afterMs: heavyTailMs(random) + (now > 30_000 && now < 40_000 ? 20_000 : 0),
  });
  const nodes = [freezing, answering, answering];
  const rig = new Rig({ seed, picker: p2c(), nodes, retries: 2, timeoutMs: 1_000, latency });
  const { clock, random } = rig;
  let lost = 0;
  const call = async (): Promise<unknown> => {
    const madeAt = clock.now();
    return rig.call().catch((error: unknown) => {
      if (madeAt > 29_000) lost++;
      throw error;
    });
  };
  await simulateCalls({ clock, random, perSecond: 50, durationMs: 45_000, call, drain: 'all' });
  return lost;
}

/**
 * The 99th percentile of the calls with enough time, when one call in a thousand has 2 ms.
 * @param excuses - whether such a call is held against no node; if not, it weighs as failures did once
 */
async function slowestMs(seed: number, shortShare: number, excuses: boolean): Promise<number> {
  // One slot and a queue each, 1 ms of work, 70 % busy.
  const queue = (): Script => {
    let freeAt = 0;
    return (now, random) => {
      freeAt = Math.max(freeAt, now) - Math.log(1 - random());
      return { afterMs: freeAt - now };
    };
  };
  const shipped = new MethodLatency();
  const { picker: flat, failed } = flatFailures();
  const latency = excuses
    ? shipped
    : {
        slowMs: (now: number) => shipped.slowMs(now),
        settle: (call: Call, outcome: Outcome) => {
          if (outcome?.code === 'DEADLINE_EXCEEDED') failed(call);
          shipped.settle(call, outcome);
        },
      };
  const rig = new Rig({
    seed,
    picker: excuses ? p2c() : flat,
    nodes: [queue(), queue(), queue()],
    timeoutMs: 1_000,
    latency,
  });
  const { clock, random } = rig;
  const tookMs: number[] = [];
  const call = async (): Promise<unknown> => {
    const isShort = random() < shortShare;
    const madeAt = clock.now();
    const answer = await rig.call((made) => {
      if (isShort) made.deadline = madeAt + 2;
    });
    if (!isShort) tookMs.push(clock.now() - madeAt);
    return answer;
  };
  await simulateCalls({ clock, random, perSecond: 2_100, durationMs: 20_000, call, drain: 'all' });
  tookMs.sort((a, b) => a - b);
  return tookMs[Math.floor(tookMs.length * 0.99)]!;
}

async function slowedBy(seed: number, excuses: boolean): Promise<number> {
  return (await slowestMs(seed, 0.001, excuses)) / (await slowestMs(seed, 0, excuses));
}

const PAGE = 'load-balancing';

export const DEADLINES: readonly Row[] = [
  {
    page: PAGE,
    scene: 'one of 3 nodes freezes for 10 s under a method with p50 20 ms and p99.9 440 ms',
    measure: 'idempotent calls that are lost',
    unit: 'calls',
    bound: 0,
    seeds: 20,
    value: (seed) => lostToFreeze(seed, new MethodLatency()),
    control: {
      what: 'an attempt deadline by the slowest answer',
      value: async () => {
        let lost = 0;
        for (let seed = 1; seed <= 5; seed++) lost += await lostToFreeze(seed, new SlowestAnswer());
        return lost;
      },
    },
  },
  {
    page: PAGE,
    scene: 'one call in 1,000 has a deadline of 2 ms, 3 nodes with a queue, 70 % busy',
    measure: 'p99 of the others',
    unit: 'x',
    bound: 1.1,
    seeds: 10,
    value: (seed) => slowedBy(seed, true),
    control: { what: 'failures that weigh five seconds', value: (seed) => slowedBy(seed, false) },
  },
];
