import assert from 'node:assert/strict';
import { Call, RpcError } from '@org/rpc-core';
import { POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import fc from 'fast-check';
import { RateLimit } from './rate-limit.js';

function callWith(clock: FakeClock, timeoutMs: number, signal?: AbortSignal): Call {
  const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
  call.deadline = clock.now() + timeoutMs;
  call.signal = signal;
  return call;
}

const limit = (clock: FakeClock, perSecond: number, burst: number, wait = true): RateLimit =>
  new RateLimit('shop.buy', { perSecond, burst, wait }, clock);

describe('RateLimit', () => {
  it('lets a burst pass at once and without a promise', () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 3, false);
    const answers = [1, 2, 3, 4].map(() => rate.admit(callWith(clock, 1_000)));
    assert.deepEqual(answers.slice(0, 3), [undefined, undefined, undefined]);
    assert.ok(answers[3] instanceof RpcError);
  });

  it('refuses with the time after which to try again', async () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 1, false);
    rate.admit(callWith(clock, 1_000));
    const refusal = rate.admit(callWith(clock, 1_000)) as RpcError;
    assert.equal(refusal.code, 'RESOURCE_EXHAUSTED');
    assert.equal(refusal.progress, 'unsent');
    assert.equal(refusal.retryAfterMs, 100);
    await clock.advance(100);
    assert.equal(rate.admit(callWith(clock, 1_000)), undefined);
  });

  it('lets calls wait for their turn, first come first served', async () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 1);
    const started: [string, number][] = [];
    for (const name of ['a', 'b', 'c']) {
      Promise.resolve(rate.admit(callWith(clock, 1_000))).then(() => started.push([name, Math.round(clock.now())]));
    }
    await clock.advance(1_000);
    assert.deepEqual(started, [
      ['a', 0],
      ['b', 100],
      ['c', 200],
    ]);
  });

  it('lets nobody overtake those who wait', async () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 1);
    rate.admit(callWith(clock, 1_000));
    const first = rate.admit(callWith(clock, 1_000));
    await clock.advance(100);
    assert.ok(rate.admit(callWith(clock, 1_000)) instanceof Promise);
    await clock.advance(1);
    assert.equal(await first, undefined);
    assert.equal(rate.waiting, 1);
  });

  it('refuses at once a call whose turn comes after its deadline', () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 1);
    rate.admit(callWith(clock, 1_000));
    const refusal = rate.admit(callWith(clock, 50));
    assert.ok(refusal instanceof RpcError);
    assert.match(
      refusal.message,
      /rate limit of shop.buy in this client is 10 calls per second: slow down, raise the limit, or allow more time/,
    );
  });

  it('gives the turn of a call that was cancelled to the next one, and leaves no timer', async () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 1);
    const controller = new AbortController();
    rate.admit(callWith(clock, 1_000));
    const cancelled = rate.admit(callWith(clock, 1_000, controller.signal)) as Promise<void>;
    let startedAt = -1;
    (rate.admit(callWith(clock, 1_000)) as Promise<void>).then(() => {
      startedAt = Math.round(clock.now());
    });
    controller.abort();
    await assert.rejects(cancelled, { code: 'CANCELLED' });
    await clock.advance(1_000);
    assert.equal(startedAt, 100);
    assert.equal(rate.waiting, 0);
    assert.equal(clock.pending, 0);
  });

  it('keeps no timer when nobody waits any more', () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 1);
    const controller = new AbortController();
    rate.admit(callWith(clock, 1_000));
    (rate.admit(callWith(clock, Number.POSITIVE_INFINITY, controller.signal)) as Promise<void>).catch(() => {});
    controller.abort();
    assert.equal(clock.pending, 0);
  });

  it('rejects a call that was cancelled before it waited', async () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 1);
    rate.admit(callWith(clock, 1_000));
    await assert.rejects(rate.admit(callWith(clock, 1_000, AbortSignal.abort())) as Promise<void>, {
      code: 'CANCELLED',
    });
    assert.equal(rate.waiting, 0);
  });

  it('keeps what was used when it is changed', () => {
    const clock = new FakeClock();
    const rate = limit(clock, 10, 4, false);
    rate.admit(callWith(clock, 1_000));
    rate.admit(callWith(clock, 1_000));
    rate.admit(callWith(clock, 1_000));
    rate.configure({ perSecond: 100, burst: 5, wait: false });
    const admitted = [1, 2, 3].map(() => rate.admit(callWith(clock, 1_000)) === undefined);
    assert.deepEqual(admitted, [true, true, false]);
  });

  it('admits in every stretch of time no more than perSecond * seconds + burst', async () => {
    const arrivals = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 1_000 })), {
      maxLength: 60,
    });
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      arrivals,
      async (perSecond, burst, wait, pauses) => {
        const clock = new FakeClock();
        const rate = limit(clock, perSecond, burst, wait);
        const admittedAt: number[] = [];
        for (const [pauseMs, timeoutMs] of pauses) {
          await clock.advanceFast(pauseMs / 4);
          const answer = rate.admit(callWith(clock, timeoutMs));
          if (answer === undefined) admittedAt.push(clock.now());
          else if (answer instanceof Promise)
            answer.then(
              () => admittedAt.push(clock.now()),
              () => {},
            );
        }
        await clock.advanceFast(2_000);
        admittedAt.forEach((from, first) => {
          for (let last = first; last < admittedAt.length; last++) {
            const bound = (perSecond * (admittedAt[last]! - from)) / 1_000 + burst;
            assert.ok(last - first + 1 <= bound + 1e-6, `${last - first + 1} calls in ${admittedAt[last]! - from} ms`);
          }
        });
      },
    );
    await fc.assert(property, { numRuns: 300, seed: 1 });
  });
});

describe('the option rateLimit', () => {
  it('allows bursts of a tenth of a second unless told otherwise', () => {
    assert.deepEqual(resolvePolicy('t', POLICIES.rateLimit, { perSecond: 500 }), {
      perSecond: 500,
      burst: 50,
      wait: true,
    });
    assert.equal(resolvePolicy('t', POLICIES.rateLimit, { perSecond: 3 }).burst, 1);
  });

  it('refuses what is out of bounds or unknown', () => {
    assert.throws(
      () => resolvePolicy('createClient', POLICIES.rateLimit, { perSecond: 0 }),
      /createClient: rateLimit: perSecond must be/,
    );
    assert.throws(
      () => resolvePolicy('createClient', POLICIES.rateLimit, { perSecond: 1, burst: 0 }),
      /burst must be an integer from 1/,
    );
    const misspelt = { perSecond: 1, bursts: 1 } as unknown as { perSecond: number };
    assert.throws(() => resolvePolicy('createClient', POLICIES.rateLimit, misspelt), /did you mean "burst"/);
  });
});
