/** The width of a bucket: each begins 2 % above the one before, so that whatever is read from them is at most 1 % off in time. */
const WIDTH = Math.log(1.02);
/** Where the first bucket begins, in milliseconds. */
const LEAST_MS = 0.001;

/** The last bucket; it also has all that is longer, from about three hours on. */
export const LATENCY_BUCKET_MAX = 1_163;

/** The bucket of a duration in milliseconds, 0 to {@link LATENCY_BUCKET_MAX}. Whoever adds up buckets of many servers loses nothing. */
export function latencyBucket(ms: number): number {
  if (!(ms > LEAST_MS)) return 0;
  return Math.min(LATENCY_BUCKET_MAX, Math.floor(Math.log(ms / LEAST_MS) / WIDTH));
}

/** Where a bucket begins, in milliseconds; the next one begins where it ends. The first one has all that is shorter, too. */
export function latencyBucketMs(bucket: number): number {
  return LEAST_MS * Math.exp(bucket * WIDTH);
}
