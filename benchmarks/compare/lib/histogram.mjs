/**
 * Counts of durations in steps of about 3 %: cheap to record into, so that what is measured is the call. The buckets are those of a
 * number's exponent, with 32 steps in each (as in HdrHistogram).
 */
export class Histogram {
  #buckets = new Uint32Array(64 * 32);
  #count = 0;

  get count() {
    return this.#count;
  }

  /** @param {number} ms */
  record(ms) {
    const eighths = (ms * 8000) | 0;
    this.#count++;
    if (eighths < 32) this.#buckets[eighths]++;
    else {
      const exponent = 31 - Math.clz32(eighths);
      this.#buckets[((exponent - 4) << 5) + ((eighths >> (exponent - 5)) & 31)]++;
    }
  }

  /**
   * @param {number} share from 0 to 1
   * @returns {number} microseconds; `NaN` without a record
   */
  percentileUs(share) {
    const target = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (let i = 0; i < this.#buckets.length; i++) {
      seen += this.#buckets[i];
      if (seen < target || this.#count === 0) continue;
      if (i < 32) return (i + 0.5) / 8;
      const exponent = (i >> 5) + 4;
      return (2 ** exponent + ((i & 31) + 0.5) * 2 ** (exponent - 5)) / 8;
    }
    return Number.NaN;
  }
}
