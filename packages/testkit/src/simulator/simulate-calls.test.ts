import assert from 'node:assert/strict';
import { FakeClock } from '../fake-clock.js';
import { seededRandom } from '../seeded-random.js';
import { exponentialTime, measuredTime, uniformTime } from './service-time.js';
import { percentile, shareWithin, simulateCalls } from './simulate-calls.js';

/** Calls that take 1 to 100 ms, all as likely, of which every tenth fails. */
async function run(seed: number) {
  const clock = new FakeClock();
  const random = seededRandom(seed);
  const time = uniformTime(0, 100);
  let calls = 0;
  const call = () =>
    new Promise((resolve, reject) => {
      clock.schedule(time(random), ++calls % 10 === 0 ? () => reject(new Error('no')) : () => resolve(1));
    });
  return simulateCalls({ clock, random, perSecond: 1_000, durationMs: 10_000, call });
}

describe('simulateCalls', () => {
  it('makes about as many calls as asked for, and counts how they went', async () => {
    const result = await run(1);
    assert.ok(Math.abs(result.calls - 10_000) < 300, `${result.calls} calls`);
    assert.equal(result.failures, Math.floor(result.calls / 10));
    assert.ok(Math.abs(percentile(result, 0.5) - 50) < 3, `median ${percentile(result, 0.5)} ms`);
    assert.ok(Math.abs(shareWithin(result, 20) - 0.2) < 0.02, `${shareWithin(result, 20)} within 20 ms`);
  });

  it('gives the same result for the same seed', async () => {
    assert.deepEqual(await run(7), await run(7));
    assert.notDeepEqual(await run(7), await run(8));
  });

  it('counts calls that never end as failed', async () => {
    const clock = new FakeClock();
    const random = seededRandom(1);
    const call = () => new Promise<void>(() => {});
    const result = await simulateCalls({ clock, random, perSecond: 10, durationMs: 1_000, settleMs: 10, call });
    assert.equal(result.failures, result.calls);
    assert.ok(result.calls > 0);
  });
});

describe('service times', () => {
  it('follow a measured curve', () => {
    const time = measuredTime([
      [0, 10],
      [0.5, 20],
      [1, 100],
    ]);
    assert.deepEqual(
      [0, 0.25, 0.5, 0.75, 0.999_999_9].map((share) => Math.round(time(() => share))),
      [10, 15, 20, 60, 100],
    );
  });

  it('are as long on average as asked for', () => {
    const random = seededRandom(1);
    const time = exponentialTime(10);
    let sum = 0;
    for (let i = 0; i < 100_000; i++) sum += time(random);
    assert.ok(Math.abs(sum / 100_000 - 10) < 0.1, `${sum / 100_000} ms`);
  });
});
