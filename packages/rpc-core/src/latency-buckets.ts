/** The width of a bucket: each begins 2 % above the one before, so that a duration read from a bucket is at most 1 % off. */
const WIDTH = Math.log(1.02);
/** Where the first bucket begins, in milliseconds. */
const LEAST_MS = 0.001;

/** The last bucket, for durations of about three hours and more. */
export const LATENCY_BUCKET_MAX = 1_163;

/** The bucket of a duration in milliseconds, 0 to {@link LATENCY_BUCKET_MAX}. Buckets of many servers can be added without loss. */
export function latencyBucket(ms: number): number {
  if (!(ms > LEAST_MS)) return 0;
  return Math.min(LATENCY_BUCKET_MAX, Math.floor(Math.log(ms / LEAST_MS) / WIDTH));
}

/** Where a bucket begins, in milliseconds; it ends where the next one begins. The first bucket also holds shorter durations. */
export function latencyBucketMs(bucket: number): number {
  return LEAST_MS * Math.exp(bucket * WIDTH);
}
