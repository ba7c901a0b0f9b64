import assert from 'node:assert/strict';
import { Call, type Outcome } from '@org/rpc-core';
import { markLate, rpcError } from '@org/rpc-core/internal';
import { MethodLatency } from './method-latency.js';

const ROUTE = { service: 'shop', method: 'buy', wireName: new Uint8Array() };

function answered(startedAt: number, endedAt: number): Call {
  const call = new Call(ROUTE, [], false);
  call.startedAt = startedAt;
  call.endedAt = endedAt;
  return call;
}

/** The second attempt of a call of which the first was given up. */
function retried(startedAt: number, endedAt: number): Call {
  const call = new Call(ROUTE, [], false);
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

describe('method latency', () => {
  it('is unknown until twenty answers have come', () => {
    const latency = new MethodLatency();
    for (let i = 0; i < 19; i++) latency.settle(answered(0, 5), undefined);
    assert.equal(latency.slowMs(10), undefined);
    latency.settle(answered(0, 7), undefined);
    assert.equal(latency.slowMs(10), 7);
  });

  it('is that of the slowest answer', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_450), undefined);
    latency.settle(answered(1_000, 1_020), undefined);
    assert.equal(latency.slowMs(1_500), 450);
  });

  it('forgets an answer after ten to twenty seconds', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_450), undefined);
    assert.equal(latency.slowMs(12_000), 450);
    latency.settle(answered(12_000, 12_010), undefined);
    assert.equal(latency.slowMs(22_500), 10);
  });

  it('counts an attempt that was given up after another one with the time that it was given', () => {
    const latency = learnt(10);
    latency.settle(retried(1_400, 1_650), expired());
    assert.equal(latency.slowMs(1_700), 250);
  });

  it('learns nothing from a single attempt that was given up, which may be the fault of its node', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_400), expired());
    assert.equal(latency.slowMs(1_500), 10);
  });

  it('learns nothing from lost connections, nor from expiries that this process noticed late', () => {
    const latency = learnt(10);
    latency.settle(answered(1_000, 1_900), rpcError('UNAVAILABLE', 'lost', { progress: 'maybe-processed' }));
    const late = expired();
    markLate(late);
    latency.settle(retried(1_000, 1_900), late);
    assert.equal(latency.slowMs(2_000), 10);
  });
});

function expired(): NonNullable<Outcome> {
  return rpcError('DEADLINE_EXCEEDED', 'no reply', { progress: 'maybe-processed' });
}
