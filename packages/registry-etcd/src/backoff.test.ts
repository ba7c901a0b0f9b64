import assert from 'node:assert/strict';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { Backoff } from './backoff.js';

describe('Backoff', () => {
  const options = { baseMs: 800, maxMs: 30_000, resetAfterMs: 120_000 };
  const highest = (): number => 1;

  it('doubles the bound of its waits up to the greatest', () => {
    const backoff = new Backoff(new FakeClock(), highest, options);
    const bounds = Array.from({ length: 8 }, () => backoff.next());
    assert.deepEqual(bounds, [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
  });

  it('spreads each wait over the whole of its bound', () => {
    const random = seededRandom(7);
    const waits = Array.from({ length: 1_000 }, () => new Backoff(new FakeClock(), random, options).next());
    assert.ok(Math.min(...waits) < 10 && Math.max(...waits) > 790 && Math.max(...waits) <= 800);
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
    assert.ok(mean > 370 && mean < 430, `mean ${mean}`);
  });

  it('takes a shorter first wait when told to, and goes on with the usual ones', () => {
    const backoff = new Backoff(new FakeClock(), highest, { ...options, firstMs: 100 });
    assert.deepEqual([backoff.next(), backoff.next(), backoff.next()], [100, 800, 1_600]);
  });

  it('begins anew after a while without a failure', async () => {
    const clock = new FakeClock();
    const backoff = new Backoff(clock, highest, options);
    backoff.next();
    backoff.next();
    await clock.advance(1_600 + 120_001);
    assert.equal(backoff.next(), 800);
  });

  it('does not take the wait itself for health', async () => {
    const clock = new FakeClock();
    const backoff = new Backoff(clock, highest, options);
    backoff.next();
    await clock.advance(800 + 119_999);
    assert.equal(backoff.next(), 1_600);
  });

  it('stays finite however often it fails', () => {
    const backoff = new Backoff(new FakeClock(), highest, options);
    for (let failure = 0; failure < 5_000; failure++) backoff.next();
    assert.equal(backoff.next(), 30_000);
  });
});
