import assert from 'node:assert/strict';
import { Call, type Outcome } from '@org/rpc-core';
import { isLate, markLate, rpcError } from '@org/rpc-core/internal';
import { seededRandom } from '@org/rpc-testkit';
import { MethodLatency } from './method-latency.js';

const METHOD = { service: 'shop', method: 'buy', wireName: new Uint8Array() };

function answered(startedAt: number, endedAt: number): Call {
  const call = new Call(METHOD, [], false);
  call.startedAt = startedAt;
  call.endedAt = endedAt;
  return call;
}

/** The second attempt of a call of which the first was given up. */
function retried(startedAt: number, endedAt: number): Call {
  const call = new Call(METHOD, [], false);
  call.attempts = [{ endpoint: 'a:1', durationMs: 400, code: 'DEADLINE_EXCEEDED', progress: 'maybe-processed' }];
  const attempt = call.nextAttempt(1);
  attempt.startedAt = startedAt;
  attempt.endedAt = endedAt;
  return attempt;
}

function learnt(latencyMs: number): MethodLatency {
  const latency = new MethodLatency();
  for (let i = 0; i < 20; i++) latency.settle(answered(1_000, 1_000 + latencyMs), undefined);
  return latency;
}

/** Latencies are counted in buckets, which are told by their upper edge. */
function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(actual !== undefined && actual >= expected && actual <= expected * 1.125, `${actual}, not ${expected}`);
}

describe('method latency', () => {
  it('is unknown until twenty answers have come', () => {
    const latency = new MethodLatency();
    for (let i = 0; i < 19; i++) latency.settle(answered(0, 5), undefined);
    assert.equal(latency.slowMs(10), undefined);
    latency.settle(answered(0, 7), undefined);
    assertNear(latency.slowMs(10), 7);
  });

  it('is that of the slowest answer', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_450), undefined);
    latency.settle(answered(1_000, 1_020), undefined);
    assertNear(latency.slowMs(1_500), 450);
  });

  it('is the 99th percentile, which a rare slow answer does not move', () => {
    const latency = learnt(10);
    for (let i = 0; i < 400; i++) latency.settle(answered(1_000, 1_000 + 10 + (i % 10)), undefined);
    for (let i = 0; i < 4; i++) latency.settle(answered(1_000, 1_900), undefined);
    assertNear(latency.slowMs(1_900), 19);
    for (let i = 0; i < 4; i++) latency.settle(answered(1_000, 1_900), undefined);
    assertNear(latency.slowMs(1_900), 900);
  });

  it('is the 99th percentile of any answers', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 200; round++) {
      const latency = new MethodLatency();
      const size = 20 + Math.floor(random() * 2_000);
      const values = Array.from({ length: size }, () => 0.1 * 2 ** (random() * 16));
      for (const value of values) latency.settle(answered(0, value), undefined);
      values.sort((a, b) => a - b);
      assertNear(latency.slowMs(0), values[size - 1 - Math.floor(size / 100)]!);
    }
  });

  it('holds against nobody that a caller gave less time than the method usually takes', () => {
    const latency = learnt(10);
    const judge = (allowedMs: number): boolean => {
      const call = answered(1_000, 1_000 + allowedMs);
      call.attemptDeadline = 1_000 + allowedMs;
      const error = expired();
      latency.excuse.settle?.(call, error);
      return isLate(error);
    };
    assert.deepEqual([judge(2), judge(19), judge(22), judge(500)], [true, true, false, false]);
  });

  it('forgets an answer after ten to twenty seconds', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_450), undefined);
    assertNear(latency.slowMs(12_000), 450);
    latency.settle(answered(12_000, 12_010), undefined);
    assertNear(latency.slowMs(22_500), 10);
  });

  it('counts an attempt that was given up after another one with the time that it was given', () => {
    const latency = learnt(10);
    latency.settle(retried(1_400, 1_650), expired());
    assertNear(latency.slowMs(1_700), 250);
  });

  it('learns nothing from a single attempt that was given up, which may be the fault of its node', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_400), expired());
    assertNear(latency.slowMs(1_500), 10);
  });

  it('learns nothing from lost connections, nor from expiries that this process noticed late', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_900), rpcError('UNAVAILABLE', 'lost', { progress: 'maybe-processed' }));
    const late = expired();
    markLate(late);
    latency.settle(retried(1_000, 1_900), late);
    assertNear(latency.slowMs(2_000), 10);
  });
});

function expired(): NonNullable<Outcome> {
  return rpcError('DEADLINE_EXCEEDED', 'no reply', { progress: 'maybe-processed' });
}
