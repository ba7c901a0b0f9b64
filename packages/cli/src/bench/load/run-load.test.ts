import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { measure, near, OPEN, ScriptedTarget } from '../../../test/scripted-target.js';
import type { Interval } from './recorder.js';
import type { Caller } from './target.js';

describe('runLoad', () => {
  it('leaves the warm-up out of every figure', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, (now) =>
      now < 2000 ? { afterMs: 100, error: new RpcError('UNAVAILABLE', 'cold'), endpoint: 'cold:1' } : { afterMs: 10 },
    );
    const measurement = await measure(clock, target, { span: { warmupMs: 2000, durationMs: 1000 } });
    assert.equal(measurement.warmupCalls, 20);
    assert.equal(measurement.errors, 0);
    near(measurement.responseTime?.maxMs, 10);
    assert.equal(measurement.windowMs, 1000);
    assert.deepEqual(
      measurement.endpoints.map(({ endpoint }) => endpoint),
      ['a:1'],
    );
    assert.ok(measurement.series.every(({ phase }) => phase !== 'warm-up'));
  });

  it('does not measure a call that began in the warm-up and ended after it', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, (now) => ({ afterMs: now < 1000 ? 1500 : 10 }));
    const measurement = await measure(clock, target, { span: { warmupMs: 1000, durationMs: 1005 } });
    near(measurement.responseTime?.maxMs, 10);
    // It does count for the throughput, and so does not the call that was in flight at the end: 51 calls each.
    assert.equal(measurement.ok, 51);
    assert.equal(measurement.okInWindow, 51);
  });

  it('tells errors by their codes, the most frequent first, each with an example', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, (_, call) => {
      if (call % 10 === 0) return { afterMs: 1, error: new RpcError('NOT_FOUND', `no ${call}`) };
      if (call % 5 === 0) return { afterMs: 1, error: new Error('strange\n  thing') };
      return { afterMs: 1, ...(call % 3 === 0 ? { error: new RpcError('UNAVAILABLE', 'gone') } : {}) };
    });
    const { errorsByCode, errors, ok } = await measure(clock, target, {
      span: { durationMs: undefined, requests: 60 },
    });
    assert.deepEqual(errorsByCode, [
      { code: 'UNAVAILABLE', count: 16, example: 'UNAVAILABLE: gone' },
      { code: 'NOT_FOUND', count: 6, example: 'NOT_FOUND: no 0' },
      { code: 'UNKNOWN', count: 6, example: 'strange thing' },
    ]);
    assert.equal(errors, 28);
    assert.equal(ok, 32);
  });

  it('keeps failures out of the percentiles', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, (_, call) =>
      call % 2 === 0 ? { afterMs: 500, error: new RpcError('DEADLINE_EXCEEDED', 'slow') } : { afterMs: 10 },
    );
    const { responseTime } = await measure(clock, target, {});
    near(responseTime?.maxMs, 10);
  });

  it('splits calls, errors and latencies by endpoint', async () => {
    const clock = new FakeClock();
    const down = new RpcError('UNAVAILABLE', 'down');
    down.endpoint = 'c:3';
    const target = new ScriptedTarget(clock, (_, call) => {
      if (call % 4 === 3) return { afterMs: 1, error: down };
      return call % 4 === 0 ? { afterMs: 30, endpoint: 'b:2' } : { afterMs: 10, endpoint: 'a:1' };
    });
    const { endpoints } = await measure(clock, target, { span: { durationMs: undefined, requests: 400 } });
    assert.deepEqual(
      endpoints.map(({ endpoint, calls, errors }) => ({ endpoint, calls, errors })),
      [
        { endpoint: 'a:1', calls: 200, errors: 0 },
        { endpoint: 'b:2', calls: 100, errors: 0 },
        { endpoint: 'c:3', calls: 100, errors: 100 },
      ],
    );
    near(endpoints[0]?.p50Ms ?? undefined, 10, 0.01);
    near(endpoints[1]?.p99Ms ?? undefined, 30, 0.01);
    assert.equal(endpoints[2]?.p50Ms, null);
  });

  it('adds up the attempts beyond the first of successes and failures', async () => {
    const clock = new FakeClock();
    const failure = new RpcError('UNAVAILABLE', 'gone');
    const attempt = { endpoint: 'a:1', durationMs: 1, code: 'UNAVAILABLE', progress: 'unsent' } as const;
    failure.attempts = [attempt, attempt, attempt];
    const target = new ScriptedTarget(clock, (_, call) =>
      call < 5 ? { afterMs: 1, attempts: 2 } : { afterMs: 1, ...(call === 5 ? { error: failure } : {}) },
    );
    const { retries } = await measure(clock, target, { span: { durationMs: undefined, requests: 10 } });
    assert.equal(retries, 7);
  });

  it('cuts the run into seconds', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, (now) => ({ afterMs: now >= 4000 ? 20 : 10 }));
    const seen: Interval[] = [];
    const { series } = await measure(clock, target, {
      span: { warmupMs: 2000, durationMs: 4000 },
      onInterval: (interval) => seen.push(interval),
    });
    assert.deepEqual(
      seen.slice(0, 3).map(({ phase, startMs, durationMs, ok }) => ({ phase, startMs, durationMs, ok })),
      [
        { phase: 'warm-up', startMs: 0, durationMs: 1000, ok: 99 },
        { phase: 'warm-up', startMs: 1000, durationMs: 1000, ok: 100 },
        { phase: 'measuring', startMs: 0, durationMs: 1000, ok: 100 },
      ],
    );
    near(series[0]?.p50Ms ?? undefined, 10);
    near(series[3]?.p50Ms ?? undefined, 20);
    near(series[3]?.callsPerSecond, 50, 0.03);
  });

  it('ends early on its signal and gives what it has', async () => {
    const clock = new FakeClock();
    const interruption = new AbortController();
    const target = new ScriptedTarget(clock, () => ({ afterMs: 10 }));
    clock.schedule(3000, () => interruption.abort());
    const measurement = await measure(clock, target, { signal: interruption.signal });
    assert.equal(measurement.interrupted, true);
    assert.equal(measurement.windowMs, 3000);
    assert.equal(measurement.ok, 300);
    assert.equal(clock.pending, 0);
  });

  it('ends at once when interrupted before it began or in the warm-up', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, () => ({ afterMs: 10 }));
    const before = await measure(clock, target, { signal: AbortSignal.abort(), load: OPEN });
    assert.equal(before.interrupted, true);
    assert.equal(target.calls, 0);
    const interruption = new AbortController();
    clock.schedule(500, () => interruption.abort());
    const inWarmup = await measure(clock, target, { signal: interruption.signal, span: { warmupMs: 1000 } });
    assert.equal(inWarmup.ok, 0);
    assert.equal(inWarmup.responseTime, null);
    assert.equal(clock.pending, 0);
  });

  it('gives up calls that never end, and says how many', async () => {
    const clock = new FakeClock();
    const never = { createCaller: (): Caller => ({ endpoint: '', attempts: 0, call: () => new Promise(() => {}) }) };
    const target = new ScriptedTarget(clock, () => ({ afterMs: 1 }));
    const measurement = await measure(clock, target, { target: never, load: { kind: 'closed', concurrency: 3 } });
    assert.equal(measurement.unfinished, 3);
    assert.equal(clock.pending, 0);
  });

  it('reads the meter over the measuring alone', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, () => ({ afterMs: 500 }));
    const moments: string[] = [];
    await measure(clock, target, {
      span: { warmupMs: 2000, durationMs: 3100 },
      meter: {
        start: () => moments.push(`start ${clock.now()}`),
        read: () => {
          moments.push(`read ${clock.now()}`);
          return { cpuUs: 1, eventLoopUtilisation: 0 };
        },
      },
    });
    assert.deepEqual(moments, ['start 2000', 'read 5100']);
  });
});
