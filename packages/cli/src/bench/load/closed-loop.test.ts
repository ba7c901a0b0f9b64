import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { measure, near, ScriptedTarget } from '../../../test/scripted-target.js';
import type { Caller } from './target.js';

describe('closed loop', () => {
  it('keeps exactly the asked number of calls in flight', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, (_, call) => ({ afterMs: 5 + (call % 7) }));
    const atSend: number[] = [];
    const spied = {
      createCaller: (index: number): Caller => {
        const caller = target.createCaller(index);
        const call = caller.call;
        caller.call = () => {
          const promise = call();
          atSend.push(target.inFlight);
          return promise;
        };
        return caller;
      },
    };
    await measure(clock, target, {
      target: spied,
      load: { kind: 'closed', concurrency: 8 },
      span: { durationMs: 1000 },
    });
    assert.equal(target.inFlightMax, 8);
    // Calls that end at the same moment are replaced one after the other; it never sinks below what that explains.
    assert.ok(atSend.slice(8).every((count) => count >= 1));
    assert.deepEqual(target.callers, [0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('counts throughput, calls and latency of a steady target', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, () => ({ afterMs: 10 }));
    const measurement = await measure(clock, target, { load: { kind: 'closed', concurrency: 4 } });
    assert.equal(measurement.ok, 4000);
    assert.equal(measurement.windowMs, 10_000);
    near(measurement.okInWindow, 4000);
    near(measurement.responseTime?.p50Ms, 10);
    near(measurement.responseTime?.maxMs, 10);
    assert.deepEqual(measurement.serviceTime, measurement.responseTime);
    assert.equal(measurement.lateStart, null);
    assert.equal(clock.pending, 0);
  });

  it('sees a stall of the target in one call only, which is why there is an open loop', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, (now) => ({ afterMs: now >= 5000 && now < 5010 ? 1000 : 10 }));
    const measurement = await measure(clock, target, {});
    near(measurement.responseTime?.p99Ms, 10);
    near(measurement.responseTime?.maxMs, 1000);
  });

  it('ends after the asked number of calls and measures until the last of them', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, () => ({ afterMs: 10 }));
    const measurement = await measure(clock, target, {
      load: { kind: 'closed', concurrency: 4 },
      span: { durationMs: undefined, requests: 100 },
    });
    assert.equal(measurement.ok, 100);
    assert.equal(target.calls, 100);
    assert.equal(measurement.okInWindow, 100);
    assert.equal(measurement.windowMs, 250);
  });

  it('lets timers and sockets have their turn when every call is answered within the process', async () => {
    const clock = new FakeClock();
    let calls = 0;
    let callsAtFirstTurn = 0;
    // It stops answering at some time, as otherwise this test would never end without the behaviour that it asks for.
    const call = (): Promise<unknown> => (++calls < 10_000 ? Promise.reject(new Error('no')) : new Promise(() => {}));
    const refusing = { createCaller: (): Caller => ({ endpoint: '', attempts: 0, call }) };
    clock.schedule(0, () => {
      callsAtFirstTurn = calls;
    });
    const target = new ScriptedTarget(clock, () => ({ afterMs: 0 }));
    const measurement = await measure(clock, target, { target: refusing });
    assert.equal(callsAtFirstTurn, 256);
    assert.equal(measurement.errors, 9999);
    assert.equal(measurement.unfinished, 1);
  });
});
