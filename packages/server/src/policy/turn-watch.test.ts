import assert from 'node:assert/strict';
import type { Clock } from '@org/rpc-core';
import { TurnWatch } from './turn-watch.js';

/** A clock that a test moves by hand, and turns that it ends. */
function scene() {
  let now = 0;
  let turns = 0;
  let looks = 0;
  const polls: (() => void)[] = [];
  const clock = {
    now: () => {
      looks++;
      return now;
    },
    afterPoll: (run: () => void) => void polls.push(run),
  } as Partial<Clock> as Clock;
  const watch = new TurnWatch(clock, 100, () => turns++);
  return {
    watch,
    call: (ms: number, isAwaited = false): boolean => {
      const isUsedUp = watch.counts() && watch.isUsedUp(now, isAwaited);
      now += ms;
      return isUsedUp;
    },
    endTurn: (): void => {
      for (const run of polls.splice(0)) run();
    },
    passes: (ms: number) => {
      now += ms;
    },
    counts: () => ({ turns, looks }),
    now: () => now,
  };
}

describe('the watch over the turns of the event loop', () => {
  it('takes no more calls in a turn that was held for too long, and a few at a time until one is short', () => {
    const { call, endTurn } = scene();
    assert.deepEqual(
      Array.from({ length: 7 }, () => call(20)),
      [false, false, false, false, false, false, true],
    );
    endTurn();
    assert.deepEqual([call(20), call(20), call(20)], [false, false, true]);
    endTurn();
    assert.deepEqual([call(4), call(4)], [false, false]);
    endTurn();
    // That one was short.
    assert.deepEqual(
      Array.from({ length: 6 }, () => call(20)),
      [false, false, false, false, false, false],
    );
  });

  it('gives what waits shorter turns', () => {
    const { call } = scene();
    assert.deepEqual([call(15, true), call(15, true), call(15, true)], [false, false, true]);
  });

  it('looks at the clock for every 32nd call while calls cost nothing', () => {
    const { watch, endTurn } = scene();
    let looks = 0;
    for (let turn = 0; turn < 100; turn++) {
      for (let each = 0; each < 64; each++)
        if (watch.counts()) {
          looks++;
          watch.isUsedUp(turn + each * 0.002, false);
        }
      endTurn();
    }
    assert.ok(looks < 64 * 100 * 0.05, `${looks} looks at 6400 calls`);
  });

  it('says what what is read right after a turn may have waited, and nothing of a short one', () => {
    const { watch, call, endTurn, passes, now } = scene();
    call(60);
    endTurn();
    assert.equal(watch.stallBefore(now()), 60);
    passes(6);
    assert.equal(watch.stallBefore(now()), 0);
    call(8);
    endTurn();
    assert.equal(watch.stallBefore(now()), 0);
    watch.stalled(3_000, now());
    assert.equal(watch.stallBefore(now()), 3_000);
  });
});
