import assert from 'node:assert/strict';
import type { CallCounts, OperatorReport } from '@org/rpc';
import { latencyBucket } from '@org/rpc-core/internal';
import { countAbove, percentile } from './histogram.js';
import { type CallDelta, reportDelta } from './report-delta.js';
import { RATE_SECONDS, TRAFFIC_SECONDS, Traffic } from './traffic.js';

function delta(changes: Partial<CallDelta> = {}): CallDelta {
  const latency = [latencyBucket(5), 10];
  return { service: 'shop', method: 'buy', kind: 'unary', caller: 'web', calls: 10, errors: {}, latency, ...changes };
}

function report(countingSince: number, calls: readonly Partial<CallCounts>[]): OperatorReport {
  const base = { service: 'shop', method: 'buy', kind: 'unary', caller: 'web', address: '', errors: {}, latency: [] };
  return {
    version: 1,
    countingSince,
    loopLagMs: 0,
    opinions: [],
    troubles: [],
    process: 'host:1',
    server: {} as never,
    calls: calls.map((each) => ({ ...base, ...each })) as never,
  };
}

describe('the calls of the last minutes', () => {
  it('are what a report says beyond the one before, and all of one that has begun anew', () => {
    const first = report(1, [{ calls: 5, errors: { INTERNAL: 1 }, latency: [7, 4, 9, 1] }]);
    const second = report(1, [
      { calls: 8, errors: { INTERNAL: 1, NOT_FOUND: 2 }, latency: [7, 4, 9, 3, 11, 1] },
      { method: 'sell', calls: 0 },
    ]);
    assert.deepEqual(reportDelta(undefined, first), []);
    assert.deepEqual(reportDelta(first, second), [
      {
        ...{ service: 'shop', method: 'buy', kind: 'unary', caller: 'web', calls: 3 },
        errors: { NOT_FOUND: 2 },
        latency: [9, 2, 11, 1],
      },
    ]);
    assert.equal(reportDelta(second, report(2, [{ calls: 2 }]))[0]!.calls, 2);
    assert.deepEqual(reportDelta(second, second), []);
  });

  it('are told as a rate of the last seconds, and point by point', () => {
    const traffic = new Traffic();
    for (let second = 100; second < 120; second++) {
      traffic.record('one', [delta(), delta({ method: 'find', errors: { INTERNAL: 2 } })], second);
      traffic.sweep(second);
    }
    const flow = traffic.lately(120, 'service', 'shop');
    assert.deepEqual([flow.calls, flow.errors], [20 * RATE_SECONDS, 2 * RATE_SECONDS]);
    const points = traffic.points('method', 'shop', 'find');
    assert.deepEqual(
      points.map(({ second }) => second),
      Array.from({ length: 20 }, (_, index) => 100 + index),
    );
    assert.deepEqual([points[3]!.calls, points[3]!.errors], [10, 2]);
    assert.ok(Math.abs(points[3]!.p99! / 5 - 1) < 0.03);
    assert.deepEqual(traffic.keys('edge'), [['web', 'one', 'shop']]);
    assert.equal(traffic.points('service', 'stock').length, 0);
  });

  it('are forgotten after five minutes', () => {
    const traffic = new Traffic();
    traffic.record('one', [delta()], 100);
    traffic.sweep(100 + TRAFFIC_SECONDS);
    assert.equal(traffic.pairs(100 + TRAFFIC_SECONDS, TRAFFIC_SECONDS).length, 1);
    traffic.sweep(120 + TRAFFIC_SECONDS);
    assert.deepEqual(
      [traffic.pairs(120 + TRAFFIC_SECONDS, TRAFFIC_SECONDS), traffic.points('service', 'shop')],
      [[], []],
    );
  });

  it('leave behind for an hour how long the last ones took, and when', () => {
    const traffic = new Traffic();
    traffic.record('one', [delta({ latency: [latencyBucket(900), 10] })], 90);
    traffic.record('one', [delta()], 100);
    for (const second of [101, 200, 3_000]) {
      traffic.sweep(second);
      const last = traffic.lastCalls('instance', 'one')!;
      assert.equal(last.second, 100);
      assert.ok(Math.abs(percentile(last.latency, 99)! / 5 - 1) < 0.03);
    }
    traffic.record('one', [delta({ latency: [latencyBucket(50), 10] })], 3_001);
    assert.equal(traffic.lastCalls('instance', 'one')!.second, 3_001);
    traffic.sweep(7_000);
    assert.deepEqual([traffic.lastCalls('instance', 'one'), traffic.keys('instance')], [undefined, []]);
  });

  it('of whoever has none any more make room for others', () => {
    const traffic = new Traffic();
    for (let n = 0; n < 2_000; n++) traffic.record(`old-${n}`, [delta({ caller: 'web' })], 100);
    traffic.record('new', [delta()], 200);
    assert.equal(traffic.lastCalls('instance', 'new'), undefined);
    traffic.record('new', [delta()], 1_000);
    assert.equal(traffic.lastCalls('instance', 'new')!.second, 1_000);
  });

  it('tell who has called whom for a minute, without its past', () => {
    const traffic = new Traffic();
    for (let second = 100; second < 120; second++) {
      traffic.record('one', [delta()], second);
      traffic.sweep(second);
    }
    traffic.sweep(170);
    assert.deepEqual(traffic.keys('edge'), [['web', 'one', 'shop']]);
    assert.deepEqual(traffic.points('edge', 'web', 'one', 'shop'), []);
    assert.equal(traffic.points('service', 'shop').length, 20);
    traffic.sweep(181);
    assert.deepEqual(traffic.keys('edge'), []);
  });

  it('have a bound, whatever servers tell', () => {
    const traffic = new Traffic();
    for (let n = 0; n < 6_000; n++) traffic.record('one', [delta({ caller: `caller-${n}` })], 100);
    assert.equal(traffic.pairs(100, 60).length, 4_000);
    assert.ok(traffic.isPartial);
    assert.ok(traffic.keys('edge').length < 3_000);
    // The figures of the service as a whole include every call.
    assert.equal(traffic.lately(101, 'service', 'shop').calls, 60_000);
  });
});

describe('a histogram', () => {
  it('gives percentiles and counts to about a hundredth', () => {
    const histogram = new Map<number, number>();
    for (let ms = 1; ms <= 1_000; ms++) histogram.set(latencyBucket(ms), (histogram.get(latencyBucket(ms)) ?? 0) + 1);
    for (const percent of [10, 50, 99])
      assert.ok(Math.abs(percentile(histogram, percent)! / (percent * 10) - 1) < 0.011, String(percent));
    for (const ms of [100, 333, 900]) assert.ok(Math.abs(countAbove(histogram, ms) - (1_000 - ms)) <= 2, String(ms));
    assert.deepEqual([percentile(new Map(), 50), countAbove(new Map(), 1)], [undefined, 0]);
  });
});
