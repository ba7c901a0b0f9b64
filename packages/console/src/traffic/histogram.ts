import { latencyBucketMs } from '@org/rpc-core/internal';

/** Counts of calls by duration, in the buckets that servers use. */
export type Histogram = Map<number, number>;

/** Adds pairs of a bucket and a count, as servers report them. Invalid pairs are left out. */
export function addBuckets(histogram: Histogram, pairs: readonly number[]): void {
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const [bucket, count] = [pairs[i]!, pairs[i + 1]!];
    if (count > 0) histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
  }
}

/** How many calls a histogram has. */
export function countOf(histogram: Histogram): number {
  let sum = 0;
  for (const count of histogram.values()) sum += count;
  return sum;
}

/** The duration, in milliseconds, within which `percent` of the calls ended; `undefined` without calls. */
export function percentile(histogram: Histogram, percent: number): number | undefined {
  const total = countOf(histogram);
  if (total === 0) return undefined;
  let left = (total * percent) / 100;
  let last = 0;
  for (const bucket of [...histogram.keys()].sort((a, b) => a - b)) {
    const count = histogram.get(bucket)!;
    last = bucket;
    if (left <= count) return within(bucket, left / count);
    left -= count;
  }
  return within(last, 1);
}

/** How long all calls of a histogram took together, in milliseconds. */
export function totalMs(histogram: Histogram): number {
  let sum = 0;
  for (const [bucket, count] of histogram) sum += within(bucket, 0.5) * count;
  return sum;
}

/** How many calls took longer than `ms`; the bucket that contains `ms` counts in proportion. */
export function countAbove(histogram: Histogram, ms: number): number {
  let above = 0;
  for (const [bucket, count] of histogram) {
    const [from, to] = [bucket === 0 ? 0 : latencyBucketMs(bucket), latencyBucketMs(bucket + 1)];
    if (ms <= from) above += count;
    else if (ms < to) above += (count * (to - ms)) / (to - from);
  }
  return above;
}

function within(bucket: number, share: number): number {
  const [from, to] = [bucket === 0 ? 0 : latencyBucketMs(bucket), latencyBucketMs(bucket + 1)];
  return from + (to - from) * Math.min(1, Math.max(0, share));
}
