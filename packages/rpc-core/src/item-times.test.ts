import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { ItemTimes } from './item-times.js';

/** Times of a stream whose call began 5 ms ago. */
function scene() {
  const clock = new FakeClock(1_000);
  const times = new ItemTimes(clock, 995);
  return { clock, times, facts: () => [times.firstMs, times.awaitedMs, times.heldMs] };
}

describe('ItemTimes', () => {
  it('tells how long items were waited for, and how long their reader was busy', async () => {
    const { clock, times, facts } = scene();
    assert.deepEqual(facts(), [undefined, 0, 0]);
    times.asks();
    await clock.advance(10);
    assert.deepEqual(facts(), [undefined, 10, 0], 'while it waits');
    times.comes();
    await clock.advance(30);
    assert.deepEqual(facts(), [15, 10, 30]);
    times.asks();
    await clock.advance(7);
    times.ends();
    await clock.advance(100);
    times.ends();
    assert.deepEqual(facts(), [15, 17, 30], 'the end ends both');
  });

  it('counts a reader that asks for several items at once as waiting', async () => {
    const { clock, times, facts } = scene();
    times.asks();
    times.asks();
    await clock.advance(10);
    times.comes();
    await clock.advance(10);
    times.comes();
    times.comes();
    await clock.advance(5);
    assert.deepEqual(facts(), [15, 20, 5]);
  });
});
