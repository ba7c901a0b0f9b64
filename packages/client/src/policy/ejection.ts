import type { EjectionOptions, Random } from '@org/rpc-core';
import type { Complete } from '@org/rpc-core/internal';
import { probeDelayMs } from './backoff.js';
import type { OutcomeKind } from './outcome.js';

/** What holds for the ejection of the nodes of a service. */
export type EjectionValues = Complete<EjectionOptions>;

const SLOTS = 10;

/**
 * What one node has done of late, for all methods together: whether it fails so often that it is to be left alone, and when it
 * is tried again. It only says so; whether the others can spare it is for the service to say.
 *
 * Failures in a row are counted from one to the next that began after it: what was under way together, as on a connection
 * that is lost, has one cause and counts once. While nothing fails, a success costs one increment.
 *
 * Sources: Finagle `FailureAccrualPolicy.scala` (in a row, or a share), Linkerd's unified breaker (exact share in a window),
 * Envoy's outlier detection (at most a share of the nodes).
 */
export class OutlierRecord {
  readonly #random: Random;
  #isEjected = false;
  #ejectedAt = 0;
  #probeAt = 0;
  #ejectMs = 0;
  /** Failures since the last success, and when the last of them was seen. */
  #inRow = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  /** Successes since this was made, or since the last failure left the window. */
  #oks = 0;
  #from: number;
  #window: OutlierWindow | undefined;

  constructor(random: Random, now: number) {
    this.#random = random;
    this.#from = now;
  }

  get isEjected(): boolean {
    return this.#isEjected;
  }

  /** Since when, in the clock's milliseconds. */
  get ejectedAt(): number {
    return this.#ejectedAt;
  }

  /** Takes the outcome of a call. @returns whether the node is to be ejected, if it can be spared */
  record(kind: OutcomeKind, startedAt: number, now: number, values: EjectionValues): boolean {
    if (kind === 'ok' || kind === 'business') {
      this.#inRow = 0;
      if (this.#window === undefined) this.#oks++;
      else if (!this.#window.add(true, now)) this.#forget(now);
      return false;
    }
    if (kind !== 'failure') return false;
    if (startedAt >= this.#failedAt) {
      this.#inRow++;
      this.#failedAt = now;
    }
    this.#window ??= new OutlierWindow(values.windowMs, now, this.#oksWithin(values.windowMs, now));
    this.#window.add(false, now);
    if (this.#isEjected) return false;
    const { oks, failures } = this.#window;
    const isBelow = oks + failures >= values.minCalls && oks * 100 < values.successPercent * (oks + failures);
    return isBelow || this.#inRow >= values.consecutive;
  }

  /** The node is left alone from now on. @returns for how long at first, in milliseconds */
  eject(now: number, { ejectMs }: EjectionValues): number {
    this.#isEjected = true;
    this.#ejectedAt = now;
    this.#ejectMs = ejectMs;
    const forMs = probeDelayMs(ejectMs, 0, this.#random);
    this.#probeAt = now + forMs;
    return forMs;
  }

  /** It is given calls again, and what it did is forgotten. */
  readmit(now: number): void {
    this.#isEjected = false;
    this.#forget(now);
  }

  isDue(now: number): boolean {
    return now >= this.#probeAt;
  }

  /** How long until the trial call is due, in milliseconds. */
  trialInMs(now: number): number {
    return Math.max(0, this.#probeAt - now);
  }

  expedite(now: number): void {
    this.#probeAt = Math.min(this.#probeAt, now);
  }

  /** A trial call has failed. */
  postpone(now: number): void {
    this.#probeAt = now + probeDelayMs(this.#ejectMs, now - this.#ejectedAt, this.#random);
  }

  #forget(now: number): void {
    this.#window = undefined;
    this.#inRow = 0;
    this.#oks = 0;
    this.#from = now;
  }

  /** Successes that lie in the window now that it begins, if they came evenly. */
  #oksWithin(windowMs: number, now: number): number {
    const sinceMs = now - this.#from;
    return sinceMs <= windowMs ? this.#oks : Math.round((this.#oks * windowMs) / sinceMs);
  }
}

/** Outcomes in a sliding window, from the first failure on. */
class OutlierWindow {
  oks: number;
  failures = 0;
  readonly #slotMs: number;
  readonly #oks = new Uint32Array(SLOTS);
  readonly #failures = new Uint32Array(SLOTS);
  #tick: number;

  constructor(windowMs: number, now: number, oks: number) {
    this.#slotMs = windowMs / SLOTS;
    this.#tick = Math.floor(now / this.#slotMs);
    this.oks = oks;
    for (let slot = 0; slot < SLOTS; slot++) this.#oks[slot] = Math.floor(oks / SLOTS);
    this.#oks[this.#tick % SLOTS]! += oks % SLOTS;
  }

  /** @returns whether a failure is still in it */
  add(isOk: boolean, now: number): boolean {
    const tick = Math.floor(now / this.#slotMs);
    for (let turns = Math.min(tick - this.#tick, SLOTS); turns > 0; turns--) {
      const slot = (tick - turns + 1) % SLOTS;
      this.oks -= this.#oks[slot]!;
      this.failures -= this.#failures[slot]!;
      this.#oks[slot] = 0;
      this.#failures[slot] = 0;
    }
    this.#tick = Math.max(tick, this.#tick);
    if (isOk) {
      this.#oks[this.#tick % SLOTS]!++;
      this.oks++;
    } else {
      this.#failures[this.#tick % SLOTS]!++;
      this.failures++;
    }
    return this.failures > 0;
  }
}

/** What a dark rule would have left alone. A node that it would have counts anew from then on. */
export class DarkEjection {
  readonly values: EjectionValues;
  readonly #random: Random;
  readonly #records = new WeakMap<object, OutlierRecord>();

  constructor(values: EjectionValues, random: Random) {
    this.values = values;
    this.#random = random;
  }

  /** Takes the outcome of a call. @returns whether its node would be left alone from now on, if it can be spared */
  record(node: object, kind: OutcomeKind, startedAt: number, now: number): boolean {
    let record = this.#records.get(node);
    if (record === undefined) {
      if (kind !== 'failure') return false;
      record = new OutlierRecord(this.#random, now);
      this.#records.set(node, record);
    }
    if (!record.record(kind, startedAt, now, this.values)) return false;
    this.#records.delete(node);
    return true;
  }
}

/** How many nodes of a service are left alone, and whether one more may be. */
export class EjectionCount {
  /** Nodes that take calls, the ejected ones included. */
  present = 0;
  /** Those of them that are left alone. */
  ejected = 0;

  /** Whether one more node can be ejected: one of two, never the last, and no more than `maxPercent`. */
  mayEject({ maxPercent }: EjectionValues): boolean {
    if (maxPercent === 0 || this.present - this.ejected < 2) return false;
    return (this.ejected + 1) * 100 <= Math.max(maxPercent * this.present, 100);
  }
}
