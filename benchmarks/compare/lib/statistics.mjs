/**
 * @param {readonly number[]} values `NaN` is left out
 * @returns {number} `NaN` without any
 */
export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What the samples of one peer say, beside those of the reference in the same rounds.
 *
 * @param {readonly import('./measure.mjs').Sample[]} samples
 * @param {readonly import('./measure.mjs').Sample[] | undefined} reference
 */
export function summary(samples, reference) {
  const of = (pick) => median(samples.map(pick));
  const cpuUs = (sample) => sample.clientUs + sample.serverUs;
  // Of each round by itself: whatever else the machine did then slowed both.
  const paired = (pick) =>
    reference === undefined ? Number.NaN : median(samples.map((sample, i) => pick(sample) / pick(reference[i] ?? {})));
  return {
    perSecond: of((sample) => sample.perSecond),
    ratio: paired((sample) => sample.perSecond),
    clientUs: of((sample) => sample.clientUs),
    serverUs: of((sample) => sample.serverUs),
    cpuRatio: paired(cpuUs),
    // Of each round by itself, too; only where there are errors.
    errorRatio: of((sample) => cpuUs(sample) / (sample.plainUs ?? Number.NaN)),
    p50Us: of((sample) => sample.p50Us),
    p99Us: of((sample) => sample.p99Us),
    failed: samples.reduce((sum, sample) => sum + sample.failed, 0),
    firstError: samples.find((sample) => sample.firstError !== undefined)?.firstError,
    waited: of((sample) => sample.waited),
  };
}
