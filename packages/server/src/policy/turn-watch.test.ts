import assert from 'node:assert/strict';
import type { Clock } from '@org/rpc-core';
import { TurnWatch } from './turn-watch.js';

/** A clock that the test moves by hand, and turns that the test ends. */
function scene() {
  let now = 0;
  let turns = 0;
  let looks = 0;
  let asked = 0;
  let preempted = 0;
  const polls: (() => void)[] = [];
  const clock = {
    now: () => {
      looks++;
      return now;
    },
    afterPoll: (run: () => void) => void polls.push(run),
  } as Partial<Clock> as Clock;
  const watch = new TurnWatch(
    clock,
    100,
    () => turns++,
    () => {
      asked++;
      return preempted;
    },
  );
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
    othersRun: (ms: number) => {
      now += ms;
      preempted += ms;
    },
    counts: () => ({ turns, looks, asked }),
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
    // The last turn was short.
    assert.deepEqual(
      Array.from({ length: 6 }, () => call(20)),
      [false, false, false, false, false, false],
    );
  });

  it('counts nothing of what others were run for', () => {
    const { call, othersRun, endTurn } = scene();
    const slow = (): boolean => {
      const isUsedUp = call(5);
      othersRun(45);
      return isUsedUp;
    };
    // 5 ms of each 50 are the process's own. For the first 50 ms this is not known, so 20 ms count.
    assert.deepEqual(Array.from({ length: 18 }, slow).indexOf(true), -1);
    assert.equal(slow(), true);
    endTurn();
    // Nor does the watch stay with short turns because of them: the process's own part of each turn is short.
    assert.deepEqual([call(4), othersRun(100), call(4), endTurn()], [false, undefined, false, undefined]);
    assert.deepEqual(Array.from({ length: 7 }, () => call(20)).indexOf(true), 6);
  });

  it('asks the system once for a long turn, twice or thrice for one that is used up, and never for a short one', () => {
    const { call, endTurn, counts } = scene();
    for (let each = 0; each < 100; each++) call(0.09);
    endTurn();
    assert.equal(counts().asked, 0);
    for (let each = 0; each < 100; each++) call(0.9);
    endTurn();
    assert.equal(counts().asked, 1);
    for (let each = 0; each < 1_000; each++) call(0.9);
    assert.equal(counts().asked, 3);
  });

  it('knows how many calls a turn has time for', () => {
    const { watch, call, endTurn } = scene();
    assert.equal(watch.callsATurn, 0);
    while (!call(0.01));
    assert.ok(Math.abs(watch.callsATurn - 10_000) < 1_000, `${watch.callsATurn}`);
    endTurn();
    while (!call(50));
    assert.equal(watch.callsATurn, 2);
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

  it('does the same for calls that come one by one, each in a turn of its own, and watches each again once one has cost', () => {
    const { call, endTurn, counts } = scene();
    for (let turn = 0; turn < 320; turn++) {
      call(0.02);
      endTurn();
    }
    const { turns } = counts();
    assert.ok(turns <= 12, `${turns} turns of 320 were watched`);
    for (let turn = 0; turn < 64; turn++) {
      call(20);
      endTurn();
    }
    const expensive = counts().turns - turns;
    assert.ok(expensive >= 32, `${expensive} of 64 expensive turns were watched`);
  });

  it('says that its calls may be late once a turn was held for a tenth of a second, until the next one', () => {
    const { watch, call, endTurn } = scene();
    call(80);
    call(40);
    assert.equal(watch.isHeld, false);
    call(1);
    assert.equal(watch.isHeld, true);
    endTurn();
    assert.equal(watch.isHeld, false);
  });

  it('says what what is read right after a turn may have waited, and nothing of a short one', () => {
    const { watch, call, endTurn, passes, now } = scene();
    call(60);
    endTurn();
    assert.equal(watch.stallBefore(now()), 60);
    passes(6);
    assert.equal(watch.stallBefore(now()), 60);
    endTurn();
    assert.equal(watch.stallBefore(now()), 0);
    call(8);
    endTurn();
    assert.equal(watch.stallBefore(now()), 0);
  });

  it('says the same of a process that was frozen, until its timers run', () => {
    const { watch, passes, now } = scene();
    watch.ticked(now() + 1_000);
    passes(1_005);
    assert.equal(watch.stallBefore(now()), 0);
    passes(3_000);
    assert.equal(watch.stallBefore(now()), 3_005);
    watch.ticked(now() + 1_000);
    assert.equal(watch.stallBefore(now()), 0);
  });
});
