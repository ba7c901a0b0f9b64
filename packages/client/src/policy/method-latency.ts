import type { Call, Gate, Outcome } from '@org/rpc-core';
import { isLate, markLate } from '@org/rpc-core/internal';

/** For how long an answer is remembered: between one and two of these, in milliseconds. */
const WINDOW_MS = 10_000;

/** Answers after which something is known of a method. */
const ANSWERS_MIN = 20;

/** How many answers are needed before a percentile is computed: fewer would say nothing of the slowest two percent. */
const PERCENTILE_ANSWERS_MIN = 100;

/**
 * Latencies are counted in buckets, eight for each doubling from 1/16 ms on: a value is told up to an eighth too high. In units of
 * 1/128 ms the bucket is the place of the highest bit and the three bits below it.
 */
const UNITS_PER_MS = 128;
const UNITS_MAX = 2 ** 31 - 1;
const BUCKETS = 224;

function bucketOf(latencyMs: number): number {
  const units = Math.min(UNITS_MAX, latencyMs * UNITS_PER_MS) | 0;
  if (units < 8) return 0;
  const doublings = 28 - Math.clz32(units);
  return doublings * 8 + ((units >>> doublings) & 7);
}

/** The upper edge of a bucket, in milliseconds. */
function edgeOf(bucket: number): number {
  return ((9 + (bucket & 7)) * (1 << (bucket >>> 3))) / UNITS_PER_MS;
}

/** A call that has less time than twice the median has less than the method usually takes. */
const USUAL_FACTOR = 2;

/**
 * How long the answers of a method take: at their slowest, as the 99th percentile of the last ten to twenty seconds, and
 * usually.
 *
 * A percentile and not the maximum: of a method with a long tail the slowest answer of ten seconds is so slow that no time for
 * a second attempt would be left, and each node that hangs would cost calls. Of a call that was given up twice, the later
 * attempt counts as the slowest with the time that it was given: it would have taken at least that, so that the next ones
 * are given more. One attempt alone says more of its node: did it count, a node that hangs would have every trial call wait
 * there until its deadline.
 */
export class MethodLatency implements Gate {
  /** Made with the first answer. */
  #answers: Answers | undefined;
  #startedAt = 0;
  #currentGivenUpMs = 0;
  /** The longest of the attempts that were given up in this window and in the one before. */
  #givenUpMs = 0;

  /** How long the slowest recent answers take, in milliseconds; `undefined` when too little is known. */
  slowMs(now: number): number | undefined {
    this.#turn(now);
    const slowMs = this.#answers?.slowMs;
    if (slowMs === undefined || this.#givenUpMs <= slowMs) return slowMs;
    return this.#givenUpMs;
  }

  /**
   * The latency below which `percent` of the recent answers were, in milliseconds; `undefined` when too little is known. Ask for
   * the same percentile as a rule: another one is computed anew.
   */
  percentileMs(percent: number, now: number): number | undefined {
    this.#turn(now);
    return this.#answers?.percentileMs(percent);
  }

  /** Half of the time in which half of the recent answers came, in milliseconds; `undefined` when too little is known. */
  get halfUsualMs(): number | undefined {
    const usualMs = this.#answers?.usualMs;
    return usualMs === undefined ? undefined : usualMs / 2;
  }

  settle(call: Call, outcome: Outcome): void {
    if (outcome !== undefined && !tellsLatency(call, outcome)) return;
    this.#turn(call.endedAt);
    const latencyMs = call.endedAt - call.startedAt;
    if (outcome?.code === 'DEADLINE_EXCEEDED') {
      this.#currentGivenUpMs = Math.max(this.#currentGivenUpMs, latencyMs);
      this.#givenUpMs = Math.max(this.#givenUpMs, latencyMs);
    }
    this.#answers ??= new Answers();
    this.#answers.add(latencyMs);
  }

  /**
   * Sees an outcome before everything that would count it against the node: an expired attempt that had less time than the method
   * usually takes says nothing of the node.
   */
  readonly excuse: Gate = {
    settle: (call, outcome) => {
      if (outcome?.code !== 'DEADLINE_EXCEEDED') return;
      const usualMs = this.#answers?.usualMs;
      if (usualMs !== undefined && call.attemptDeadline - call.startedAt < USUAL_FACTOR * usualMs) markLate(outcome);
    },
  };

  #turn(now: number): void {
    if (now - this.#startedAt < WINDOW_MS) return;
    const windows = (now - this.#startedAt) / WINDOW_MS;
    this.#givenUpMs = windows < 2 ? this.#currentGivenUpMs : 0;
    this.#currentGivenUpMs = 0;
    this.#startedAt = now;
    this.#answers?.turn(windows >= 2);
  }
}

/** The answers of two windows in buckets, with the two percentiles that are asked for kept up to date. */
class Answers {
  readonly #counts = new Uint32Array(BUCKETS);
  /** Those of the current window, which are in `#counts` too. */
  readonly #current = new Uint32Array(BUCKETS);
  readonly #slow = new Percentile(this.#counts, 0.01);
  readonly #usual = new Percentile(this.#counts, 0.5);
  #asked: Percentile | undefined;
  #askedPercent = 0;
  #total = 0;
  #seen = 0;

  percentileMs(percent: number): number | undefined {
    if (this.#total < PERCENTILE_ANSWERS_MIN) return undefined;
    if (this.#asked === undefined || this.#askedPercent !== percent) {
      this.#asked = new Percentile(this.#counts, 1 - percent / 100);
      this.#askedPercent = percent;
      this.#asked.restart(this.#total);
    }
    return this.#asked.valueMs;
  }

  get slowMs(): number | undefined {
    return this.#seen < ANSWERS_MIN ? undefined : this.#slow.valueMs;
  }

  get usualMs(): number | undefined {
    if (this.#seen < ANSWERS_MIN) return undefined;
    // Asked after failures alone, so it is not kept up to date with each answer.
    this.#usual.restart(this.#total);
    return this.#usual.valueMs;
  }

  add(latencyMs: number): void {
    const bucket = bucketOf(latencyMs);
    this.#counts[bucket]!++;
    this.#current[bucket]!++;
    this.#total++;
    if (this.#seen < ANSWERS_MIN) this.#seen++;
    this.#slow.added(bucket, this.#total);
    this.#asked?.added(bucket, this.#total);
  }

  /** Forgets the window before, or both. */
  turn(isAllOld: boolean): void {
    this.#total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#counts[bucket] = isAllOld ? 0 : this.#current[bucket]!;
      this.#current[bucket] = 0;
      this.#total += this.#counts[bucket]!;
    }
    this.#slow.restart(this.#total);
    this.#asked?.restart(this.#total);
  }
}

/** The bucket above which at most a share of the answers lies; it moves by a bucket or two with each answer. */
class Percentile {
  readonly #counts: Uint32Array;
  readonly #share: number;
  /** The upper edge of its bucket, in milliseconds: asked with each call, so it is kept. */
  valueMs = edgeOf(0);
  #bucket = 0;
  #above = 0;

  constructor(counts: Uint32Array, share: number) {
    this.#counts = counts;
    this.#share = share;
  }

  /** An answer was counted in a bucket. */
  added(bucket: number, total: number): void {
    if (bucket > this.#bucket) this.#above++;
    this.#settle(total);
  }

  /** All counts have changed. */
  restart(total: number): void {
    this.#above = 0;
    for (let bucket = this.#bucket + 1; bucket < BUCKETS; bucket++) this.#above += this.#counts[bucket]!;
    this.#settle(total);
  }

  #settle(total: number): void {
    const allowed = total * this.#share;
    const before = this.#bucket;
    while (this.#above > allowed) this.#above -= this.#counts[++this.#bucket]!;
    while (this.#bucket > 0 && this.#above + this.#counts[this.#bucket]! <= allowed)
      this.#above += this.#counts[this.#bucket--]!;
    if (this.#bucket !== before) this.valueMs = edgeOf(this.#bucket);
  }
}

/** Answers, and attempts given up after another one was. A server that was lost says nothing of the method. */
function tellsLatency(call: Call, outcome: NonNullable<Outcome>): boolean {
  if (outcome.progress === 'processed') return true;
  // It was given up because another attempt was faster: it would have taken at least this long.
  if (outcome.code === 'CANCELLED') return call.parent !== undefined && call.signal?.aborted !== true;
  return outcome.code === 'DEADLINE_EXCEEDED' && !isLate(outcome) && wasGivenUpBefore(call);
}

function wasGivenUpBefore(call: Call): boolean {
  return call.root.attempts?.some(({ code }) => code === 'DEADLINE_EXCEEDED') ?? false;
}
