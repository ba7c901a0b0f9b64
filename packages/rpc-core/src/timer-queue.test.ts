import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../test/manual-clock.js';
import { Call } from './service.js';
import { TimerQueue } from './timer-queue.js';

const HOUR_MS = 3_600_000;
const ROUTE = { service: 'test', method: 'wait', wireName: new Uint8Array() };

interface Expiry {
  readonly at: number;
  readonly late: boolean;
}

/** A queue, and the outcomes of its calls. */
function scene(startMs = 1_000): {
  clock: ManualClock;
  queue: TimerQueue;
  add(timeoutMs: number): Call;
  expiries: Map<Call, Expiry>;
} {
  const clock = new ManualClock(startMs);
  const queue = new TimerQueue(clock);
  const expiries = new Map<Call, Expiry>();
  const holder = {
    expire(call: Call, late: boolean): void {
      assert.equal(expiries.has(call), false, 'a call expired twice');
      expiries.set(call, { at: clock.now(), late });
    },
    abandon(): void {},
  };
  const add = (timeoutMs: number): Call => {
    const call = new Call(ROUTE, [], false);
    call.attemptDeadline = clock.now() + timeoutMs;
    call.holder = holder;
    queue.add(call);
    return call;
  };
  return { clock, queue, add, expiries };
}

describe('the timer queue', () => {
  it('expires a call at its deadline, rounded up to the next millisecond', () => {
    const { clock, add, expiries } = scene();
    const call = add(10.25);
    clock.advance(10.9);
    assert.equal(expiries.size, 0);
    clock.advance(0.1);
    assert.deepEqual(expiries.get(call), { at: 1_011, late: false });
  });

  it('expires each of many deadlines on time, whatever slots and levels they fall into', () => {
    const { clock, queue, add, expiries } = scene(0);
    const calls: Call[] = [];
    for (const edge of [1, 255, 256, 511, 512, 65_535, 65_536, 65_791, 131_071, 131_072]) {
      for (let offset = -1; offset <= 1; offset++) if (edge + offset > 0) calls.push(add(edge + offset));
    }
    clock.advance(140_000);
    for (const call of calls) assert.deepEqual(expiries.get(call), { at: call.attemptDeadline, late: false });
    assert.equal(queue.size, 0);
  });

  it('expires a call whose deadline is hours away, at the edges of the coarsest slots', () => {
    const { clock, add, expiries } = scene(0);
    const calls = [add(2 ** 24 - 1), add(2 ** 24), add(2 ** 24 + 255), add(5 * HOUR_MS)];
    clock.advance(5 * HOUR_MS);
    for (const call of calls) assert.deepEqual(expiries.get(call), { at: call.attemptDeadline, late: false });
  });

  it('keeps a call that is further away than its slots reach', () => {
    const { clock, queue, add, expiries } = scene();
    const call = add(60 * 24 * HOUR_MS);
    clock.advance(60_000);
    assert.equal(expiries.size, 0);
    queue.remove(call);
    assert.equal(queue.size, 0);
  });

  it('expires a call that was out of time already with the next millisecond', () => {
    const { clock, add, expiries } = scene();
    const call = add(-3);
    assert.equal(expiries.size, 0);
    clock.advance(1);
    assert.deepEqual(expiries.get(call), { at: 1_001, late: false });
  });

  it('never expires a call that was removed, and does not mind removing it again', () => {
    const { clock, queue, add, expiries } = scene();
    const [first, second, third] = [add(50), add(50), add(50)];
    queue.remove(second);
    queue.remove(second);
    clock.advance(100);
    assert.equal(expiries.size, 2);
    assert.ok(expiries.has(first) && expiries.has(third));
    queue.remove(first);
    assert.equal(queue.size, 0);
  });

  it('sets one timer of the clock for any number of calls, and none once it is empty', () => {
    const { clock, queue, add } = scene();
    for (let i = 0; i < 100; i++) add(10 + i * 37);
    assert.equal(clock.pending, 1);
    clock.advance(10_000);
    assert.equal(clock.pending, 0);
    queue.remove(add(5));
    clock.advance(10);
    assert.equal(clock.pending, 0);
  });

  it('wakes earlier for a call that is due before all others', () => {
    const { clock, add, expiries } = scene();
    add(200);
    const sooner = add(3);
    clock.advance(3);
    assert.deepEqual(expiries.get(sooner), { at: 1_003, late: false });
  });

  it('takes calls that are added while others expire', () => {
    const { clock, queue, add, expiries } = scene();
    const call = add(5);
    let next: Call | undefined;
    const { expire } = call.holder!;
    call.holder = {
      expire(expired, late) {
        expire(expired, late);
        next = add(7);
      },
      abandon() {},
    };
    clock.advance(20);
    assert.deepEqual(expiries.get(next!), { at: 1_012, late: false });
    assert.equal(queue.size, 0);
  });

  it('decides what it noticed late after the sockets were polled, and says that it was late', () => {
    const { clock, queue, add, expiries } = scene();
    const [answered, lost] = [add(20), add(30)];
    clock.jump(1_000);
    assert.equal(expiries.size, 0, 'decided before the poll phase');
    queue.remove(answered);
    clock.poll();
    assert.deepEqual([...expiries], [[lost, { at: 2_000, late: true }]]);
  });

  it('knows how late it was, and whether it ran before since a call had begun', () => {
    const { clock, queue, add } = scene();
    add(400);
    const answered = add(300);
    clock.time += 20;
    answered.endedAt = clock.now();
    queue.remove(answered);
    clock.jump(730);
    assert.deepEqual([queue.lateMs(1_000, 1_400), queue.lateMs(1_400, 2_000)], [376, 350]);
    assert.deepEqual([queue.ranBetween(1_000, 1_400), queue.ranBetween(1_020, 1_400)], [true, false]);
  });

  it('does not call late what it noticed within five milliseconds', () => {
    const { clock, add, expiries } = scene();
    const call = add(20);
    clock.jump(25);
    assert.deepEqual(expiries.get(call), { at: 1_025, late: false });
  });

  it('expires the others when somebody who is told of an expiry throws', () => {
    const { clock, add, expiries } = scene();
    const call = add(5);
    call.holder = {
      expire() {
        throw new Error('mine');
      },
      abandon() {},
    };
    const other = add(6);
    assert.throws(() => clock.advance(5), /mine/);
    clock.advance(1);
    assert.deepEqual(expiries.get(other), { at: 1_006, late: false });
  });

  it('expires nothing and sets no timer once it is closed, also from within an expiry', () => {
    const { clock, queue, add, expiries } = scene();
    const call = add(5);
    call.holder = { expire: () => queue.close(), abandon() {} };
    add(6);
    clock.advance(1_000);
    add(7);
    clock.advance(1_000);
    assert.equal(expiries.size, 0);
    assert.equal(clock.pending, 0);
  });
});

const timeout = fc.oneof(
  fc.integer({ min: 1, max: 600 }),
  fc.double({ min: 0.01, max: 600, noNaN: true }),
  fc.integer({ min: 1, max: 140_000 }),
  fc.integer({ min: HOUR_MS, max: 96 * HOUR_MS }),
);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), ms: timeout }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), ms: fc.nat(1_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.double({ min: 0, max: 900, noNaN: true }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
);

describe('the timer queue against a model', () => {
  it('expires exactly what is due, never early, at most a millisecond late, and never what was removed', () => {
    const run = (startMs: number, steps: readonly { kind: string; ms: number }[]): void => {
      const { clock, queue, add, expiries } = scene(startMs);
      const live = new Set<Call>();
      for (const { kind, ms } of steps) {
        const before = clock.now();
        if (kind === 'add') live.add(add(ms));
        else if (kind === 'remove') {
          const call = [...live][ms % Math.max(1, live.size)];
          if (call !== undefined) queue.remove(call);
          if (call !== undefined) live.delete(call);
        } else if (kind === 'advance') clock.advance(ms);
        else {
          clock.jump(ms);
          clock.poll();
        }
        for (const call of live) {
          const expiry = expiries.get(call);
          const dueAt = Math.max(Math.ceil(call.attemptDeadline), Math.floor(before) + 1);
          if (expiry === undefined) {
            assert.ok(Math.floor(clock.now()) < dueAt, `due at ${dueAt}, still there at ${clock.now()}`);
            continue;
          }
          assert.ok(expiry.at >= call.attemptDeadline, 'early');
          if (kind === 'jump') assert.equal(expiry.late, expiry.at - call.attemptDeadline > 5);
          else assert.ok(!expiry.late && expiry.at < call.attemptDeadline + 1.001, `at ${expiry.at}`);
          live.delete(call);
          expiries.delete(call);
        }
        assert.equal(expiries.size, 0, 'what was removed has expired');
        assert.equal(queue.size, live.size);
      }
      for (const call of live) queue.remove(call);
      clock.advance(300);
      assert.equal(clock.pending, 0);
    };
    const start = fc.double({ min: 0, max: 2 ** 33, noNaN: true });
    fc.assert(fc.property(start, fc.array(step, { minLength: 1, maxLength: 40 }), run), { numRuns: 1_000, seed: 1 });
  });
});
