import assert from 'node:assert/strict';
import { seededRandom } from '@org/rpc-testkit';
import { LatencyHistogram, PERCENTILES } from './latency-histogram.js';

describe('LatencyHistogram', () => {
  it('gives the percentiles of the sorted values, exact to its three figures', () => {
    const random = seededRandom(7);
    // Spread over six orders of magnitude, as latencies with a long tail are.
    const values = Array.from({ length: 50_000 }, () => 10 ** (random() * 6 - 3));
    const histogram = new LatencyHistogram();
    for (const value of values) histogram.record(value);
    values.sort((a, b) => a - b);
    const summary = histogram.summary();
    assert.ok(summary);
    for (const { field, percent } of PERCENTILES) {
      const exact = values[Math.ceil((values.length * percent) / 100) - 1]!;
      assert.ok(Math.abs(summary[field] / exact - 1) < 0.001, `${field}: ${summary[field]} instead of ${exact}`);
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const stdev = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    assert.ok(Math.abs(summary.meanMs / mean - 1) < 0.001);
    assert.ok(Math.abs(summary.stdevMs / stdev - 1) < 0.001);
    assert.ok(Math.abs(summary.maxMs / values.at(-1)! - 1) < 0.001);
    assert.ok(Math.abs(summary.minMs / values[0]! - 1) < 0.001);
  });

  it('has no figures as long as nothing was recorded', () => {
    const histogram = new LatencyHistogram();
    assert.equal(histogram.summary(), null);
    assert.equal(histogram.percentile(50), null);
  });

  it('merges another one value by value instead of averaging', () => {
    const fast = new LatencyHistogram();
    const slow = new LatencyHistogram();
    for (let index = 0; index < 99; index++) fast.record(1);
    slow.record(1000);
    fast.add(slow);
    assert.equal(fast.count, 100);
    assert.equal(Math.round(fast.percentile(99)!), 1);
    assert.equal(Math.round(fast.percentile(100)!), 1000);
  });

  it('counts what is below a nanosecond and above an hour with the ends of its range', () => {
    const histogram = new LatencyHistogram();
    for (const value of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) histogram.record(value);
    assert.equal(histogram.count, 4);
    assert.equal(histogram.percentile(50), 1e-6);
    assert.ok(Math.abs(histogram.percentile(100)! / 3_600_000 - 1) < 0.001);
  });

  it('is empty after a reset', () => {
    const histogram = new LatencyHistogram();
    histogram.record(3);
    histogram.reset();
    assert.equal(histogram.summary(), null);
  });
});
