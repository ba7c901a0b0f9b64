import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import type { Clock } from './clock.js';
import { rpcError } from './error.js';
import { Call } from './service.js';
import { sleep, waitFor } from './wait.js';

function aCall(signal: AbortSignal | undefined, deadline: number): Call {
  const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
  call.signal = signal;
  call.deadline = deadline;
  return call;
}

describe('sleep', () => {
  it('ends when its time has passed', async () => {
    const clock = new FakeClock();
    let awake = false;
    sleep(clock, 100, aCall(undefined, 1_000)).then(() => {
      awake = true;
    });
    await clock.advance(99);
    assert.equal(awake, false);
    await clock.advance(1);
    assert.equal(awake, true);
    assert.equal(clock.pending, 0);
  });

  it('ends at once for a call that is cancelled already', async () => {
    const clock = new FakeClock();
    await assert.rejects(sleep(clock, 100, aCall(AbortSignal.abort(), 1_000)), { code: 'CANCELLED' });
    assert.equal(clock.pending, 0);
  });

  it('ends at once for a call without time left', async () => {
    const clock = new FakeClock(10);
    await assert.rejects(sleep(clock, 100, aCall(undefined, 10)), { code: 'DEADLINE_EXCEEDED' });
    assert.equal(clock.pending, 0);
  });
});

describe('waitFor', () => {
  /** A wait whose ends are counted. */
  function begin(call: Call, clock = new FakeClock()) {
    const counts = { ends: 0 };
    const waiting = waitFor<string>(clock, call, 'a thing', () => counts.ends++);
    return { clock, counts, waiting };
  }

  it('gives what the waiter brings, once, and takes timer and listener away', async () => {
    const controller = new AbortController();
    const { clock, counts, waiting } = begin(aCall(controller.signal, 50));
    waiting.done('first');
    waiting.done('second');
    waiting.fail(rpcError('INTERNAL', 'too late'));
    controller.abort();
    await clock.advance(100);
    assert.equal(await waiting.promise, 'first');
    assert.equal(counts.ends, 1);
    assert.equal(clock.pending, 0);
  });

  it('has begun before it ends, also when its deadline passes meanwhile', async () => {
    const clock = new FakeClock();
    // Time passes with each look.
    let looks = 0;
    const running = { ...delegate(clock), now: () => ++looks };
    for (let deadline = 1; deadline < 8; deadline++) {
      looks = 0;
      const ends: unknown[] = [];
      const waiting = waitFor<void>(running, aCall(undefined, deadline), 'a thing', () => ends.push(waiting));
      const over = assert.rejects(waiting.promise, { code: 'DEADLINE_EXCEEDED' });
      await clock.advance(20);
      await over;
      assert.equal(ends.length, 1);
    }
  });

  it('never ends before it has begun: its waiter puts it into a queue first', async () => {
    for (const call of [aCall(AbortSignal.abort(), 50), aCall(undefined, 0), aCall(undefined, -5)]) {
      const { clock, counts, waiting } = begin(call);
      assert.equal(counts.ends, 0);
      await assert.rejects(waiting.promise);
      assert.deepEqual([counts.ends, clock.pending], [1, 0]);
    }
  });

  it('asks the clock whether the time is up: timers may fire a little early', async () => {
    const clock = new FakeClock();
    let earlyMs = 1;
    const early = Object.assign(Object.create(clock) as FakeClock, {
      now: () => clock.now(),
      schedule(delayMs: number, run: () => void) {
        const cancel = clock.schedule(delayMs - earlyMs, run);
        earlyMs = 0;
        return cancel;
      },
    });
    const { promise } = waitFor(early, aCall(undefined, 30), 'a thing');
    let endedAt = -1;
    promise.catch(() => {
      endedAt = clock.now();
    });
    await clock.advance(50);
    assert.equal(endedAt, 30);
  });

  it('fails with what the waiter says', async () => {
    const { counts, waiting } = begin(aCall(undefined, Number.POSITIVE_INFINITY));
    waiting.fail(rpcError('UNAVAILABLE', 'gone'));
    await assert.rejects(waiting.promise, { code: 'UNAVAILABLE', reason: 'gone' });
    assert.equal(counts.ends, 1);
  });

  it('ends when the caller aborts, with the reason as its cause', async () => {
    const controller = new AbortController();
    const { clock, counts, waiting } = begin(aCall(controller.signal, 1_000));
    controller.abort('enough');
    await assert.rejects(waiting.promise, { code: 'CANCELLED', cause: 'enough', service: 'shop', method: 'buy' });
    assert.equal(counts.ends, 1);
    assert.equal(clock.pending, 0);
  });

  it('ends at the deadline and says what was waited for, as it is called then', async () => {
    const clock = new FakeClock();
    let what = 'a thing';
    const { promise } = waitFor(clock, aCall(undefined, 30), () => what);
    const rejected = assert.rejects(promise, { code: 'DEADLINE_EXCEEDED', reason: /waiting for another thing$/ });
    what = 'another thing';
    await clock.advance(30);
    await rejected;
  });

  it('sets no timer for a call without a deadline, and marks the call as one that has waited', () => {
    const call = aCall(undefined, Number.POSITIVE_INFINITY);
    const { clock } = begin(call);
    assert.equal(clock.pending, 0);
    assert.equal(call.hasWaited, true);
  });
});

function delegate(clock: FakeClock): Clock {
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    schedule: (delayMs, run) => clock.schedule(delayMs, run),
    afterPoll: (run) => clock.afterPoll(run),
  };
}
