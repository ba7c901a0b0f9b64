import type { Call, MethodRef } from '@org/rpc-core';
import type { OutcomeKind } from '../policy/outcome.js';
import type { NodeLoad, ReportedLoad } from './picker.js';

/** How long a latency is remembered: after this time it weighs 1/e. Source: Finagle's PeakEwma, `decayTime`. */
const DECAY_MS = 10_000;

/** The most that a failure counts as, in milliseconds. Source: Linkerd's load biaser, `penalty`. */
const FAILURE_MS = 5_000;

/**
 * A failure counts as an answer that took this many times as long as usual: a node that keeps failing soon reaches the maximum,
 * while rare errors on all nodes leave each with its share of the calls.
 */
const FAILURE_FACTOR = 3;

/** The same for a failure that came in less than a tenth of the time of the last answer: such a node would attract every call. */
const FAST_FAILURE_FACTOR = 8;

/** The estimate of a node of which nothing is known, not even peers. Source: Linkerd, `default_rtt`. */
const UNKNOWN_MS = 30;

/** Latencies below this count as equal: nobody feels the difference, and a slightly faster node would get everything. */
const FLOOR_MS = 1;

/**
 * What is usual is the mean of the answers of 200 ms, and of four where fewer came: a node that has become slower is known after a few,
 * and of many answers none that waited in a queue that has just come up says anything. After a pause what was before is forgotten over
 * five seconds.
 */
const USUAL_MS = 200;
const USUAL_SHARE_MIN = 1 / 64;
const USUAL_SHARE_MAX = 1 / 4;
const PAUSE_FACTOR = 2;

/** What failures of one method cost the calls of that method alone. */
export interface MethodCharge {
  /** As a latency that sinks, in milliseconds; 0 for nothing. */
  ms: number;
  /** When it was so, in the clock's milliseconds. */
  at: number;
}

/** The methods whose failures are their own, since the node answers others. */
export interface MethodCharges {
  find(ref: MethodRef): MethodCharge | undefined;
}

/** The share that a newcomer starts with. Source: Envoy's slow start, `min_weight_percent`. */
const RAMP_MIN = 0.1;

/**
 * How busy one node is, as seen from here: a peak-sensitive moving average of its latency times the calls in flight. Pickers
 * see it as {@link NodeLoad}.
 *
 * A slower answer than the estimate raises it at once, faster ones lower it over ten seconds; the first answer of a node does not
 * raise it, since processes warm up. A failure counts as a slow answer, since a node that fails in 1 ms would otherwise attract
 * every call. The mean age of the calls in flight
 * counts when it is above the estimate, which shows a node that hangs before anything has come back. Beside it stands what is usual,
 * which tells a node that is slower than another from one that only was slow once.
 *
 * Sources: Finagle `PeakEwma.scala` (moving average), brpc `p2c_ewma_load_balancer.cpp` and Linkerd `load-biaser` (penalty),
 * brpc `locality_aware_load_balancer.h` (age in flight), Envoy slow start (ramp).
 */
export class PeakEwmaLoad implements NodeLoad {
  reported: ReportedLoad | undefined = undefined;
  /** What its answers take at least and at most, most of them, in milliseconds: the mean and its deviation. NaN until one counts. */
  usualMinMs: number = Number.NaN;
  usualMaxMs: number = Number.NaN;
  #meanMs = Number.NaN;
  #deviationMs = 0;
  #estimateMs = UNKNOWN_MS;
  /** When the estimate was last observed. */
  #observedAt: number;
  #inFlight = 0;
  #streams = 0;
  /** The sum of the starting times of the calls in flight, for their mean age. */
  #startSum = 0;
  /** When the last refusal for overload was counted; calls that started before it say nothing new. */
  #overloadAt = Number.NEGATIVE_INFINITY;
  /** What the last answer took; -1 when there was none. */
  #answeredMs = -1;
  /**
   * The calls that would still be in flight if the node had worked on them, when that was counted, and how long they would take.
   */
  #spared = 0;
  #sparedAt = 0;
  #sparedMs = 1;
  #rampFrom = 0;
  #rampMs = 0;
  #charges: MethodCharges | undefined = undefined;
  #isCharged = false;
  /** Nothing but its latency and the calls in flight counts: neither spared work nor charges. */
  #isPlain = true;

  /** @param now - milliseconds of the client's clock, here as everywhere in this class */
  constructor(now: number) {
    this.#observedAt = now;
  }

  get inFlight(): number {
    return this.#inFlight + this.#streams;
  }

  /** A call is given to the node. Its `startedAt` must be this `now`: {@link settled} asks for it. */
  started(now: number): void {
    this.#inFlight++;
    this.#startSum += now;
  }

  /** A stream is given to the node. It counts as in flight; its age does not, since streams are meant to last. */
  streamStarted(): void {
    this.#streams++;
  }

  /**
   * From now on these methods are charged for their failures alone.
   * @param isCharged - whether one of them costs more now
   */
  charge(charges: MethodCharges | undefined, isCharged: boolean): void {
    this.#charges = charges;
    this.#isCharged = isCharged;
    this.#isPlain = !isCharged && this.#spared === 0;
  }

  /** A stream has ended. Its duration is no latency: only a failure counts. */
  streamSettled(now: number, kind: OutcomeKind, call?: Call): void {
    this.#streams--;
    if (kind === 'failure') this.#failed(now, 0, call);
    else if (kind === 'overload') this.#overloaded(now, now, 0);
  }

  /**
   * A call that was {@link started} has ended, in whatever way.
   * @param call - which it was; left out: whatever it was, its failure is the node's
   */
  settled(now: number, startedAt: number, kind: OutcomeKind, call?: Call): void {
    this.#startSum -= startedAt;
    // Sums of fractions leave rounding errors, which must not add up over days.
    if (--this.#inFlight === 0) this.#startSum = 0;
    const latencyMs = now - startedAt;
    switch (kind) {
      case 'ok':
        this.#answered(now, latencyMs);
        break;
      case 'failure':
        this.#failed(now, latencyMs, call);
        break;
      case 'overload':
        this.#overloaded(now, startedAt, latencyMs);
        break;
      case 'ignore':
        // A call that was given up would have taken at least this long.
        if (latencyMs > this.estimateMs(now)) {
          if (latencyMs > this.#meanMs) this.#average(now, latencyMs);
          this.#observe(now, latencyMs);
        }
        break;
      default: // See `answeredShort`.
    }
  }

  /** It sinks while nothing is observed, so that no node is forgotten. */
  estimateMs(now: number): number {
    return this.#estimateMs * decay(now - this.#observedAt);
  }

  timesSlower(other: NodeLoad, now: number): number {
    if (!(this.usualMinMs > other.usualMaxMs)) return 1;
    return Math.max(1, (this.usualMinMs * decay(now - this.#observedAt)) / other.usualMaxMs);
  }

  cost(now: number, call?: Call): number {
    const inFlight = this.#inFlight;
    let latencyMs = this.#estimateMs * decay(now - this.#observedAt);
    if (inFlight > 0) {
      const ageMs = now - this.#startSum / inFlight;
      if (ageMs > latencyMs) latencyMs = ageMs;
    }
    const busy = inFlight + this.#streams + 1;
    if (this.#isPlain) return Math.max(latencyMs, FLOOR_MS) * busy;
    const charge = call === undefined ? undefined : this.#charges?.find(call.methodRef);
    const chargeMs = charge === undefined ? 0 : charge.ms * decay(now - charge.at);
    return Math.max(latencyMs, FLOOR_MS, chargeMs) * (busy + this.#sparedNow(now));
  }

  /**
   * A call that was {@link settled} was answered with an error that costs no work: a cache is empty, a key unknown. A node that
   * answers so at once must not look faster and less busy than nodes that work: it counts as if it had worked on the call.
   *
   * @param usualMs - how long its peers take, in milliseconds; `undefined` when it has none
   */
  answeredShort(now: number, latencyMs: number, usualMs: number | undefined): void {
    if (usualMs === undefined || latencyMs >= usualMs) return this.#answered(now, latencyMs);
    this.#answered(now, usualMs);
    this.#spared = this.#sparedNow(now) + 1 - latencyMs / usualMs;
    this.#isPlain = false;
    this.#sparedAt = now;
    this.#sparedMs = usualMs;
  }

  #sparedNow(now: number): number {
    const left = this.#spared * Math.exp((this.#sparedAt - now) / this.#sparedMs);
    if (left >= 0.01) return left;
    this.#spared = 0;
    this.#isPlain = !this.#isCharged;
    return 0;
  }

  /** It rises from a tenth to 1 in a straight line. */
  share(now: number): number {
    if (this.#rampMs === 0) return 1;
    const part = (now - this.#rampFrom) / this.#rampMs;
    if (part < 1) return Math.max(RAMP_MIN, part);
    this.#rampMs = 0;
    return 1;
  }

  /**
   * Forgets what was observed: for a newcomer, and for a node that has proved well again.
   *
   * @param seedMs - the new estimate: the median of its peers, `undefined` when there are none. If it is too low, all clients
   * rush to the newcomer; if it is too high, it gets no calls.
   */
  reset(seedMs: number | undefined, now: number): void {
    this.#estimateMs = seedMs ?? UNKNOWN_MS;
    this.#meanMs = Number.NaN;
    this.usualMinMs = Number.NaN;
    this.usualMaxMs = Number.NaN;
    this.#observedAt = now;
    this.#overloadAt = Number.NEGATIVE_INFINITY;
  }

  /** Lets {@link share} rise from a tenth to 1 within `durationMs` from now; 0 ends a rise at once. */
  ramp(durationMs: number, now: number): void {
    this.#rampFrom = now;
    this.#rampMs = durationMs;
  }

  /** Charges the node, or, where it is known to be well without it, the method. */
  #failed(now: number, latencyMs: number, call: Call | undefined): void {
    const charge = call === undefined ? undefined : this.#charges?.find(call.methodRef);
    const estimateMs = this.estimateMs(now);
    if (charge === undefined) return this.#observe(now, this.#failureMs(estimateMs, latencyMs));
    charge.ms = this.#failureMs(Math.max(estimateMs, charge.ms * decay(now - charge.at)), latencyMs);
    charge.at = now;
  }

  #failureMs(estimateMs: number, latencyMs: number): number {
    const usualMs = Math.max(estimateMs, FLOOR_MS);
    // An estimate that failures have raised is no latency to compare with.
    const factor = latencyMs < this.#answeredMs / 10 ? FAST_FAILURE_FACTOR : FAILURE_FACTOR;
    return Math.max(latencyMs, Math.min(FAILURE_MS, factor * usualMs));
  }

  /** A moving average with its mean deviation, as TCP has of its round trips (RFC 6298). */
  #average(now: number, latencyMs: number): void {
    const ms = Math.max(latencyMs, FLOOR_MS);
    const mean = this.#meanMs;
    if (Number.isNaN(mean)) {
      this.#meanMs = ms;
      this.#deviationMs = ms / 2;
    } else {
      const passedMs = now - this.#observedAt;
      const steady = Math.min(USUAL_SHARE_MAX, Math.max(USUAL_SHARE_MIN, passedMs / USUAL_MS));
      const share = Math.min(1, Math.max(steady, PAUSE_FACTOR * (1 - decay(passedMs))));
      this.#meanMs = mean + share * (ms - mean);
      this.#deviationMs += share * (Math.abs(ms - mean) - this.#deviationMs);
    }
    this.usualMinMs = this.#meanMs - this.#deviationMs;
    this.usualMaxMs = this.#meanMs + this.#deviationMs;
  }

  #answered(now: number, latencyMs: number): void {
    if (this.#answeredMs >= 0) this.#average(now, latencyMs);
    this.#observe(now, this.#answeredMs < 0 ? Math.min(latencyMs, this.estimateMs(now)) : latencyMs);
    this.#answeredMs = latencyMs;
  }

  #observe(now: number, latencyMs: number): void {
    const weight = decay(now - this.#observedAt);
    const kept = this.#estimateMs * weight;
    this.#estimateMs = latencyMs > kept ? latencyMs : kept + latencyMs * (1 - weight);
    this.#observedAt = now;
  }

  /**
   * Doubles the estimate, once for all calls that were in flight together, as TCP halves its window once per round trip:
   * enough refusals drive a node's share down as far as it takes, and few of them cost it little.
   */
  #overloaded(now: number, startedAt: number, latencyMs: number): void {
    if (startedAt < this.#overloadAt) return;
    this.#overloadAt = now;
    const doubledMs = 2 * Math.max(this.estimateMs(now), latencyMs, FLOOR_MS);
    this.#observe(now, Math.min(doubledMs, FAILURE_MS));
  }
}

/** The middle one of what the answers of nodes take at most, the lower of two; `undefined` while too little is known of each. */
export function medianUsualMaxMs(loads: Iterable<PeakEwmaLoad>): number | undefined {
  const sample: number[] = [];
  for (const { usualMaxMs } of loads) {
    if (sample.length === MEDIAN_SAMPLE) break;
    if (!Number.isNaN(usualMaxMs)) sample.push(usualMaxMs);
  }
  return sample.sort((a, b) => a - b)[(sample.length - 1) >> 1];
}

/**
 * The middle one of the latencies of a node's peers, at most {@link MEDIAN_SAMPLE} of them; `undefined` when it has none.
 * @param loads - all nodes
 * @param self - the node itself, which does not count
 */
export function medianLatencyMs(loads: Iterable<PeakEwmaLoad>, self: PeakEwmaLoad, now: number): number | undefined {
  const sample: number[] = [];
  for (const load of loads) {
    if (sample.length === MEDIAN_SAMPLE) break;
    if (load !== self) sample.push(load.estimateMs(now));
  }
  return sample.sort((a, b) => a - b)[(sample.length - 1) >> 1];
}

/** Enough for a seed, and it bounds the price of a node that joins ten thousand others. */
const MEDIAN_SAMPLE = 33;

/** `exp(-elapsedMs / DECAY_MS)`; for the short times that are usual, its series, which costs a tenth and is off by 2e-7. */
function decay(elapsedMs: number): number {
  const x = elapsedMs / DECAY_MS;
  if (x <= 0) return 1;
  return x < 0.01 ? 1 - x + (x * x) / 2 : Math.exp(-x);
}
