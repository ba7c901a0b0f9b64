import assert from 'node:assert/strict';
import type { Clock, RpcError } from '@org/rpc-core';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import type { IncomingCall } from '@org/rpc-wire/internal';
import { ConcurrencyLimit, type ConcurrencyLimitParts } from './concurrency.js';

type Limit = Pick<ConcurrencyLimit, 'enter' | 'leave'> & Partial<Pick<ConcurrencyLimit, 'stallBefore'>>;

/**
 * A process with one event loop in virtual time. While it computes, its clock advances, but no timers run and no bytes are read: bytes wait
 * unseen, and all of them are read in the next turn.
 */
class Loop implements Clock {
  readonly #clock: FakeClock;
  #busyUntil = 0;
  #unread: (() => void)[] = [];
  #isReading = false;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  now(): number {
    return Math.max(this.#clock.now(), this.#busyUntil);
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  schedule(delayMs: number, run: () => void): () => void {
    const begin = (): void => {
      const waitMs = this.#busyUntil - this.#clock.now();
      if (waitMs > 0) this.#clock.schedule(waitMs, begin);
      else run();
    };
    return this.#clock.schedule(this.now() - this.#clock.now() + delayMs, begin);
  }

  afterPoll(run: () => void): void {
    // Runs after everything that is read in this turn.
    this.schedule(0, () => this.schedule(0, run));
  }

  compute(ms: number): void {
    this.#busyUntil = this.now() + ms;
  }

  /** Bytes have arrived; the loop reads them as soon as it gets there. */
  arrive(read: () => void): void {
    this.#unread.push(read);
    if (this.#isReading) return;
    this.#isReading = true;
    this.schedule(0, () => {
      this.#isReading = false;
      for (const each of this.#unread.splice(0)) each();
    });
  }
}

/** The control, a server without overload protection: every call begins as it arrives. */
const asItComes: Limit = { enter: () => undefined, leave: () => {} };

interface Result {
  offered: number;
  /** How many calls were answered in time, by second. */
  readonly good: number[];
  ran: number;
}

/** Sends calls of `workMs` of computing each, at random times. @param perMs - calls per millisecond, as a function of the time */
async function computing(
  makeLimit: (loop: Loop) => Limit,
  workMs: number,
  timeoutMs: number,
  forMs: number,
  perMs: (now: number) => number,
): Promise<Result> {
  const clock = new FakeClock();
  const loop = new Loop(clock);
  const random = seededRandom(7);
  const limit = makeLimit(loop);
  const result: Result = { offered: 0, good: [], ran: 0 };
  const serve = (sentAt: number): void => {
    const readAt = loop.now();
    const deadline = readAt + timeoutMs - (limit.stallBefore?.(readAt) ?? 0);
    const call = {
      priority: 128,
      deadline,
      abandoned: false,
      peer: { address: 'a:1' },
      sampledAt: undefined,
    } as IncomingCall;
    const begin = (refusal: RpcError | undefined): void => {
      if (refusal !== undefined) return;
      if (loop.now() < call.deadline) {
        result.ran++;
        loop.compute(workMs);
        if (loop.now() <= sentAt + timeoutMs) {
          const second = Math.floor(sentAt / 1_000);
          result.good[second] = (result.good[second] ?? 0) + 1;
        }
      }
      limit.leave(call, undefined);
    };
    const verdict = limit.enter(call);
    if (verdict instanceof Promise) void verdict.then(begin);
    else begin(verdict);
  };
  const next = (): void => {
    const gap = -Math.log(1 - random()) / perMs(clock.now());
    if (clock.now() + gap >= forMs) return;
    clock.schedule(gap, () => {
      const sentAt = clock.now();
      result.offered++;
      loop.arrive(() => serve(sentAt));
      next();
    });
  };
  next();
  await clock.advance(forMs + 5_000);
  return result;
}

const watched = (loop: Loop): ConcurrencyLimit =>
  new ConcurrencyLimit({
    max: Number.POSITIVE_INFINITY,
    queue: 0,
    overload: { turnMs: 100, queue: 1_000 },
    clock: loop,
    random: seededRandom(1),
  });

describe('a handler that computes for 20 ms, simulated', () => {
  const load = (now: number): number => (now < 10_000 ? 0.1 : 0.04);

  for (const timeoutMs of [200, 1_000])
    it(`does 90 % of what it can at twice that, and all within two seconds after it: timeout ${timeoutMs} ms`, async () => {
      const { good } = await computing(watched, 20, timeoutMs, 20_000, load);
      const during = good.slice(0, 10).reduce((sum, count) => sum + count, 0);
      assert.ok(during >= 0.9 * 500, `${during} of 500`);
      const after = good.slice(12, 20).reduce((sum, count) => sum + count, 0);
      assert.ok(after >= 0.95 * 320 * 0.9, `${after} of about 320`);
    });

  it('did next to nothing when everything was begun as it came (control)', async () => {
    const { good, ran } = await computing(() => asItComes, 20, 1_000, 20_000, load);
    const during = good.slice(2, 10).reduce((sum, count) => sum + (count ?? 0), 0);
    assert.ok(during < 0.3 * 400 && ran > 300, `${during} good, ${ran} ran`);
  });
});

describe('many calls in one turn that cost little, simulated', () => {
  /** Sends all calls at once. @returns how many are refused */
  async function burst(calls: number, workMs: number, preemption: number, isKnown: boolean): Promise<number> {
    const clock = new FakeClock();
    const loop = new Loop(clock);
    let preempted = 0;
    const limit = new ConcurrencyLimit({
      max: Number.POSITIVE_INFINITY,
      queue: 0,
      overload: { turnMs: 100, queue: isKnown ? undefined : 1_000 },
      clock: loop,
      random: seededRandom(1),
      preemptedMs: isKnown ? () => preempted : undefined,
    });
    let refused = 0;
    for (let index = 0; index < calls; index++)
      loop.arrive(() => {
        const peer = { address: 'a:1' };
        const call = {
          priority: 128,
          deadline: loop.now() + 5_000,
          abandoned: false,
          peer,
          sampledAt: 0,
        } as IncomingCall;
        const begin = (refusal: RpcError | undefined): void => {
          if (refusal !== undefined) {
            refused++;
            return;
          }
          loop.compute(workMs * preemption);
          preempted += workMs * (preemption - 1);
          limit.leave(call, undefined);
        };
        const verdict = limit.enter(call);
        if (verdict instanceof Promise) void verdict.then(begin);
        else begin(verdict);
      });
    await clock.advance(10_000);
    return refused;
  }

  it('are all let in: what waits costs less than a turn', async () => {
    assert.equal(await burst(8_000, 0.02, 1, true), 0);
    assert.ok((await burst(8_000, 0.02, 1, false)) > 1_500);
  });

  it('are all let in when others are run for nine tenths of the time', async () => {
    assert.equal(await burst(1_900, 0.1, 10, true), 0);
    assert.ok((await burst(1_900, 0.1, 10, false)) > 500);
  });
});

/** The control, a server that knows nothing of its callers: first come, first served, regardless of caller and deadline. */
function fifo(slots: number, queue: number): Limit {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    enter: () => {
      if (running < slots) {
        running++;
        return undefined;
      }
      if (waiting.length >= queue) return { code: 'RESOURCE_EXHAUSTED' } as RpcError;
      return new Promise((resolve) => waiting.push(() => resolve(undefined)));
    },
    leave: () => {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    },
  };
}

/** Sends calls of several callers to ten slots of ten milliseconds. @returns the share of each caller's calls that was done in time */
async function callers(
  limitParts: Omit<ConcurrencyLimitParts, 'clock' | 'random'> | undefined,
  perMs: readonly number[],
): Promise<number[]> {
  const clock = new FakeClock();
  const random = seededRandom(3);
  const limit: Limit =
    limitParts === undefined ? fifo(10, 100) : new ConcurrencyLimit({ ...limitParts, clock, random });
  const shares = perMs.map((rate, caller) => {
    const result = { offered: 0, good: 0 };
    const arrive = (): void => {
      result.offered++;
      const peer = { address: `10.0.0.${caller}:${result.offered}` };
      const deadline = clock.now() + 200;
      const call = { priority: 128, deadline, abandoned: false, peer, sampledAt: undefined } as IncomingCall;
      const begin = (refusal: RpcError | undefined): void => {
        if (refusal !== undefined) return;
        clock.schedule(10, () => {
          if (clock.now() <= deadline) result.good++;
          limit.leave(call, undefined);
        });
      };
      const verdict = limit.enter(call);
      if (verdict instanceof Promise) void verdict.then(begin);
      else begin(verdict);
      next();
    };
    const next = (): void => {
      const gap = -Math.log(1 - random()) / rate;
      if (clock.now() + gap < 3_000) clock.schedule(gap, arrive);
    };
    next();
    return result;
  });
  await clock.advanceFast(4_000, 8);
  return shares.map(({ offered, good }) => good / offered);
}

describe('one caller of twenty that sends a hundred times its share, simulated', () => {
  const rates = Array.from({ length: 20 }, (_, caller) => (caller === 0 ? 4 : 0.04));

  it('leaves the nineteen others 95 % of theirs', async () => {
    const [, ...others] = await callers({ max: 10, queue: 100 }, rates);
    const least = others.reduce((sum, share) => sum + share, 0) / others.length;
    assert.ok(least >= 0.95, `${least}`);
  });

  it('left them less than half, first come, first served (control)', async () => {
    const [, ...others] = await callers(undefined, rates);
    const mean = others.reduce((sum, share) => sum + share, 0) / others.length;
    assert.ok(mean < 0.5, `${mean}`);
  });
});

describe('three tiers whose leaf is offered twice what it can, simulated', () => {
  /** Each tier passes a call on with the time that is left. @returns how much work of the leaf was in time, and how much was not */
  async function tiers(hasLimit: boolean): Promise<{ good: number; wasted: number }> {
    const clock = new FakeClock();
    const random = seededRandom(5);
    const limit: Limit = hasLimit ? new ConcurrencyLimit({ max: 10, queue: 50, clock, random }) : fifo(10, 1_000_000);
    const result = { good: 0, wasted: 0 };
    const leaf = (deadline: number): void => {
      const call = {
        priority: 128,
        deadline,
        abandoned: false,
        peer: { address: 'a:1' },
        sampledAt: undefined,
      } as IncomingCall;
      const begin = (refusal: RpcError | undefined): void => {
        if (refusal !== undefined) return;
        clock.schedule(10, () => {
          if (clock.now() <= deadline) result.good++;
          else result.wasted++;
          limit.leave(call, undefined);
        });
      };
      const verdict = limit.enter(call);
      if (verdict instanceof Promise) void verdict.then(begin);
      else begin(verdict);
    };
    const next = (): void => {
      const gap = -Math.log(1 - random()) / 2;
      if (clock.now() + gap >= 4_000) return;
      clock.schedule(gap, () => {
        const wanted = clock.now() + 100;
        // Two tiers of 2 ms each on the way there, and the time that the answer takes on the way back.
        clock.schedule(4, () => leaf(wanted - 4));
        next();
      });
    };
    next();
    await clock.advanceFast(hasLimit ? 4_500 : 4_000, 8);
    return result;
  }

  it('do 90 % of what the leaf can, and waste 5 % of it at most', async () => {
    const { good, wasted } = await tiers(true);
    assert.ok(good >= 0.9 * 4_000, `${good} of 4000`);
    assert.ok(wasted <= 0.05 * (good + wasted), `${wasted} wasted`);
  });

  it('wasted most of it, first come, first served (control)', async () => {
    const { good, wasted } = await tiers(false);
    assert.ok(wasted > 0.5 * (good + wasted), `${good} good, ${wasted} wasted`);
  });
});
