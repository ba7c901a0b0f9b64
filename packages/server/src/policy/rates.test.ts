import assert from 'node:assert/strict';
import { isRpcError, type RpcError } from '@org/rpc-core';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import type { IncomingCall } from '@org/rpc-wire/internal';
import { CallerConcurrency, CallerRates, Rate } from './rates.js';

const from = (address: string, identity?: string): IncomingCall => ({ peer: { address, identity } }) as IncomingCall;

describe('a rate', () => {
  it('is kept in every stretch of time, with its burst', async () => {
    const clock = new FakeClock(1_000);
    const rate = new Rate('the server', { perSecond: 100, burst: 5 }, clock);
    let taken = 0;
    for (let ms = 0; ms < 1_000; ms++) {
      for (let i = 0; i < 3; i++) if (rate.enter(from('a:1')) === undefined) taken++;
      await clock.advance(1);
    }
    assert.ok(taken >= 100 && taken <= 105, `${taken}`);
  });

  it('says when there is room, without a stack', () => {
    const rate = new Rate('shop.buy', { perSecond: 10, burst: 1 }, new FakeClock(1_000));
    rate.enter(from('a:1'));
    const refusal = rate.enter(from('a:1')) as RpcError;
    assert.deepEqual(
      [refusal.retryAfterMs, refusal.reason],
      [100, 'shop.buy takes 10 calls a second here (rateLimit)'],
    );
    assert.doesNotMatch(refusal.stack ?? '', /\n\s+at /);
    // Those of one millisecond are the same one.
    assert.equal(rate.enter(from('a:1')), refusal);
  });

  it('is one for each caller, by identity before address, and forgets who has not called for longest', () => {
    const clock = new FakeClock(1_000);
    const rates = new CallerRates('the server', { perSecond: 1, burst: 1 }, clock);
    assert.equal(rates.enter(from('a:1')), undefined);
    assert.equal((rates.enter(from('a:2')) as RpcError).code, 'RESOURCE_EXHAUSTED');
    assert.equal(rates.enter(from('a:3', 'shop')), undefined);
    assert.equal((rates.enter(from('b:1', 'shop')) as RpcError).code, 'RESOURCE_EXHAUSTED');
    for (let host = 0; host < 10_000; host++) rates.enter(from(`h${host}:1`));
    assert.equal(rates.enter(from('a:4')), undefined);
  });
});

describe('places of one caller', () => {
  it('are free again when its calls have ended', () => {
    const places = new CallerConcurrency('the server', 1, seededRandom(1));
    assert.equal(places.enter(from('a:1')), undefined);
    assert.match(String(places.enter(from('a:2'))), /runs 1 calls of this caller already/);
    places.leave(from('a:1'));
    assert.equal(places.enter(from('a:2')), undefined);
  });
});

describe('a rate for which calls wait', () => {
  function scene(perSecond: number) {
    const clock = new FakeClock(1_000);
    const rate = new Rate('shop.buy', { perSecond, burst: 1, wait: true }, clock);
    const begun: number[] = [];
    const call = (deadline: number) => {
      const verdict = rate.enter({ deadline } as IncomingCall);
      if (verdict === undefined) begun.push(clock.now());
      else if (!isRpcError(verdict)) void verdict.then(() => begun.push(clock.now()));
      return verdict;
    };
    return { clock, call, begun };
  }

  it('lets each begin when it is its turn, in order', async () => {
    const { clock, call, begun } = scene(10);
    for (let each = 0; each < 4; each++) call(Number.POSITIVE_INFINITY);
    await clock.advance(1_000);
    assert.deepEqual(begun, [1_000, 1_100, 1_200, 1_300]);
  });

  it('refuses at once whose turn comes too late for it, and takes no turn for it', async () => {
    const { clock, call, begun } = scene(10);
    call(5_000);
    const refusal = call(1_099);
    assert.ok(isRpcError(refusal));
    assert.deepEqual([refusal.code, refusal.retryAfterMs, refusal.progress], ['RESOURCE_EXHAUSTED', 100, 'refused']);
    call(1_100);
    await clock.advance(100);
    assert.deepEqual(begun, [1_000, 1_100]);
  });

  it('lets a thousand wait and no more', async () => {
    const { clock, call, begun } = scene(1_000);
    const verdicts = Array.from({ length: 1_101 }, () => call(Number.POSITIVE_INFINITY));
    assert.equal(verdicts.filter((verdict) => isRpcError(verdict)).length, 100);
    await clock.advance(2_000);
    assert.equal(begun.length, 1_001);
  });
});
