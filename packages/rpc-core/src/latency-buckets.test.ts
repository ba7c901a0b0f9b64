import assert from 'node:assert/strict';
import { LATENCY_BUCKET_MAX, latencyBucket, latencyBucketMs } from './latency-buckets.js';

describe('the buckets of latencies', () => {
  it('have each duration between their beginning and that of the next', () => {
    for (let ms = 0.0011; ms < 9_000_000; ms *= 1.37) {
      const bucket = latencyBucket(ms);
      assert.ok(latencyBucketMs(bucket) <= ms * 1.000_001 && ms < latencyBucketMs(bucket + 1) * 1.000_001, String(ms));
      assert.ok(latencyBucketMs(bucket + 1) / latencyBucketMs(bucket) < 1.0201);
    }
  });

  it('take what is no duration, and what is longer than any', () => {
    assert.deepEqual([0, -1, Number.NaN].map(latencyBucket), [0, 0, 0]);
    assert.deepEqual([1e9, Number.POSITIVE_INFINITY].map(latencyBucket), [LATENCY_BUCKET_MAX, LATENCY_BUCKET_MAX]);
  });
});
