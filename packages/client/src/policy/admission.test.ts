import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { refuse } from '../../test/picker-scene.js';
import { admission, type CallLimit } from './admission.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { RateLimit } from './rate-limit.js';

/** Two methods behind a limit of their client, and a limit of the first of them. */
class Scene {
  readonly clock = new FakeClock();
  readonly started = { a: 0, b: 0 };
  readonly #outer: CallLimit;
  readonly #inner: CallLimit;
  readonly #isInnerFirst: boolean;
  readonly #callMs: { readonly a: number; readonly b: number };

  constructor(
    limits: (clock: FakeClock) => { outer: CallLimit; inner: CallLimit },
    callMs: { a: number; b: number },
    isInnerFirst: boolean,
  ) {
    const { outer, inner } = limits(this.clock);
    this.#outer = outer;
    this.#inner = inner;
    this.#callMs = callMs;
    this.#isInnerFirst = isInnerFirst;
  }

  /** Offers so many calls a second of each for some seconds, evenly. @returns the share of the calls of b that started */
  async share(perSecond: { a: number; b: number }, seconds: number): Promise<number> {
    const owed = { a: 0, b: 0 };
    let offered = 0;
    for (let ms = 0; ms < seconds * 1_000; ms++) {
      for (const method of ['a', 'b'] as const) {
        for (owed[method] += perSecond[method] / 1_000; owed[method] >= 1; owed[method]--) {
          if (method === 'b') offered++;
          this.#call(method);
        }
      }
      await this.clock.advance(1);
    }
    return this.started.b / offered;
  }

  #call(method: 'a' | 'b'): void {
    const call = new Call({ service: 'shop', method, wireName: new Uint8Array() }, [], false);
    call.deadline = this.clock.now() + 1_000;
    const limits = method === 'b' ? [this.#outer] : [this.#inner, this.#outer];
    // As it was before: asked from the outside, and nothing given back.
    if (!this.#isInnerFirst) limits.reverse();
    const asked = this.#isInnerFirst
      ? limits
      : limits.map(({ admit }, i) => ({ admit: admit.bind(limits[i]), giveBack() {} }));
    const settle = (): void => {
      for (const limit of limits) if (limit instanceof ConcurrencyLimit) limit.settle(call);
    };
    const service = admission(
      { now: asked },
      refuse,
    )(async () => {
      this.started[method]++;
      await new Promise<void>((resolve) => this.clock.schedule(this.#callMs[method], resolve));
      settle();
    });
    service(call).catch(settle);
  }
}

/** A client that may start 100 calls a second, and a method that may start 10. */
const rates = (wait: boolean) => (clock: FakeClock) => ({
  outer: new RateLimit('client', { perSecond: 100, burst: 10, wait }, clock),
  inner: new RateLimit('a', { perSecond: 10, burst: 1, wait }, clock),
});

/** A client with 64 calls under way, and a slow method that may have 4 and lets 1,000 wait. */
const concurrencies = (clock: FakeClock) => ({
  outer: new ConcurrencyLimit('client', { max: 64, queue: 0 }, clock),
  inner: new ConcurrencyLimit('a', { max: 4, queue: 1_000 }, clock),
});

describe('limits of a client and of a method that is flooded', () => {
  for (const wait of [false, true]) {
    const text = wait ? 'wait' : 'are refused';
    it(`leave the other method its rate where calls ${text}`, async () => {
      const share = await new Scene(rates(wait), { a: 1, b: 1 }, true).share({ a: 1_000, b: 80 }, 10);
      assert.ok(share >= 0.95, `${share}`);
    });

    it(`would take it when the client were asked first and calls ${text}`, async () => {
      const share = await new Scene(rates(wait), { a: 1, b: 1 }, false).share({ a: 1_000, b: 80 }, 10);
      assert.ok(share < 0.95, `${share}`);
    });
  }

  it('leave the other method its permits', async () => {
    const share = await new Scene(concurrencies, { a: 1_000, b: 10 }, true).share({ a: 1_000, b: 200 }, 5);
    assert.ok(share >= 0.95, `${share}`);
  });

  it('would take them when the client were asked first', async () => {
    const share = await new Scene(concurrencies, { a: 1_000, b: 10 }, false).share({ a: 1_000, b: 200 }, 5);
    assert.ok(share < 0.3, `${share}`);
  });

  it('give back what a call has taken inside when it is refused outside', async () => {
    const clock = new FakeClock();
    const rate = new RateLimit('a', { perSecond: 10, burst: 1, wait: false }, clock);
    const permits = new ConcurrencyLimit('a', { max: 1, queue: 0 }, clock);
    const full = new ConcurrencyLimit('client', { max: 1, queue: 0 }, clock);
    const call = (): Call => new Call({ service: 'shop', method: 'a', wireName: new Uint8Array() }, [], false);
    const other = call();
    full.admit(other);
    await assert.rejects(admission({ now: [rate, permits, full] }, refuse)(async () => assert.fail())(call()));
    assert.equal(permits.active, 0);
    full.settle(other);
    assert.equal(await admission({ now: [rate, permits, full] }, refuse)(async () => 'started')(call()), 'started');
  });

  it('give back what a call has taken inside when it gives up waiting outside', async () => {
    const clock = new FakeClock();
    const rate = new RateLimit('a', { perSecond: 1, burst: 1, wait: true }, clock);
    const full = new ConcurrencyLimit('client', { max: 1, queue: 1 }, clock);
    const call = new Call({ service: 'shop', method: 'a', wireName: new Uint8Array() }, [], false);
    full.admit(new Call(call.methodRef, [], false));
    call.deadline = 5;
    const ended = assert.rejects(admission({ now: [rate, full] }, refuse)(async () => assert.fail())(call), {
      code: 'DEADLINE_EXCEEDED',
    });
    await clock.advance(5);
    await ended;
    const next = new Call(call.methodRef, [], false);
    next.deadline = clock.now() + 10;
    assert.equal(rate.admit(next), undefined);
  });
});
