import { isRpcError } from '@org/rpc-core';
import { createEndpointSplit, type EndpointSummary } from './endpoint-split.js';
import { type ErrorSummary, ErrorTally } from './error-tally.js';
import { LatencyHistogram, type LatencySummary } from './latency-histogram.js';
import type { Slot } from './slot.js';

/** What happened in about one second of a run. */
export interface Interval {
  readonly phase: 'warm-up' | 'measuring' | 'draining';
  /** From the beginning of the phase (draining goes on counting from the beginning of the measuring), in milliseconds. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Calls that succeeded in it, whenever they began. */
  readonly ok: number;
  /** Calls that failed in it. */
  readonly errors: number;
  /** Calls that came due in it and were not sent. */
  readonly dropped: number;
  /** Successful calls a second. */
  readonly callsPerSecond: number;
  /** Response times of the calls that succeeded in it; `null` when none did. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** All that was recorded since the measuring began. */
export interface Recording {
  /** Calls that began in the measuring and succeeded. */
  readonly ok: number;
  readonly errors: number;
  readonly dropped: number;
  /** Calls that were given up as the run ended before their outcome was known. */
  readonly unfinished: number;
  /** Attempts beyond the first, of all calls. */
  readonly retries: number;
  /** Calls that succeeded while it was measured, whenever they began: the numerator of the throughput. */
  readonly okInWindow: number;
  /** Calls that ended while it was measured, whatever their outcome. */
  readonly endedInWindow: number;
  /** From when a call was due to its success. */
  readonly responseTime: LatencySummary | null;
  /** From when a call was really sent to its success; the same in a closed loop. */
  readonly serviceTime: LatencySummary | null;
  /** How long after its due time a call was sent, which is the generator's own delay; `null` in a closed loop. */
  readonly lateStart: LatencySummary | null;
  readonly errorsByCode: readonly ErrorSummary[];
  readonly endpoints: readonly EndpointSummary[];
}

/** The three figures of one interval, and how they add up. */
class Counts {
  ok = 0;
  errors = 0;
  dropped = 0;
}

/**
 * Records the outcomes of the calls. Percentiles are of successes alone: failures are often much faster or, as timeouts, much
 * slower, and are told by their codes. Only calls that were due since the last `begin` are measured.
 */
export class Recorder {
  readonly #open: boolean;
  #since = 0;
  #windowOpen = true;
  #window = new Counts();
  #interval = new Counts();
  #total = new Counts();
  #begun = 0;
  #retries = 0;
  readonly #response = new LatencyHistogram();
  readonly #service = new LatencyHistogram();
  readonly #late = new LatencyHistogram();
  /** Holds what is not yet in `#response`: so each call is recorded once, and the merge is done once a second. */
  readonly #recent = new LatencyHistogram();
  #endpoints = createEndpointSplit();
  #errors = new ErrorTally();

  /** @param open - whether sending can lag behind the schedule, so that service and response time differ */
  constructor(open: boolean) {
    this.#open = open;
  }

  /** Forgets everything: what was due before `now` is not measured from here on. */
  begin(now: number): void {
    this.#since = now;
    this.#window = new Counts();
    this.#interval = new Counts();
    this.#total = new Counts();
    this.#begun = 0;
    this.#retries = 0;
    for (const histogram of [this.#response, this.#service, this.#late, this.#recent]) histogram.reset();
    this.#endpoints = createEndpointSplit();
    this.#errors = new ErrorTally();
  }

  /** How many calls began since `begin`. */
  get begun(): number {
    return this.#begun;
  }

  /** A call starts. */
  started(dueAt: number): void {
    if (dueAt >= this.#since) this.#begun++;
  }

  /** A call came due and was not sent. */
  dropped(dueAt: number): void {
    if (dueAt < this.#since) return;
    this.#interval.dropped++;
    this.#total.dropped++;
  }

  /** A call gave its result. */
  succeeded(slot: Slot, endedAt: number): void {
    this.#interval.ok++;
    if (this.#windowOpen) this.#window.ok++;
    if (slot.dueAt < this.#since) return;
    const { endpoint, attempts } = slot.caller;
    this.#total.ok++;
    if (attempts > 1) this.#retries += attempts - 1;
    const responseMs = endedAt - slot.dueAt;
    this.#recent.record(responseMs);
    this.#endpoints.succeeded(endpoint, responseMs);
    if (!this.#open) return;
    this.#service.record(endedAt - slot.sentAt);
    this.#late.record(slot.sentAt - slot.dueAt);
  }

  /** A call failed. */
  failed(slot: Slot, error: unknown): void {
    this.#interval.errors++;
    if (this.#windowOpen) this.#window.errors++;
    if (slot.dueAt < this.#since) return;
    this.#total.errors++;
    this.#errors.add(error);
    const attempts = isRpcError(error) ? error.attempts.length : slot.caller.attempts;
    if (attempts > 1) this.#retries += attempts - 1;
    this.#endpoints.failed((isRpcError(error) ? error.endpoint : undefined) ?? '');
  }

  /** From here on outcomes count for their calls, but not for the throughput. */
  closeWindow(): void {
    this.#windowOpen = false;
  }

  /** Ends the current interval and begins the next. */
  cutInterval(phase: Interval['phase'], startMs: number, durationMs: number): Interval {
    const { ok, errors, dropped } = this.#interval;
    const interval: Interval = {
      phase,
      startMs,
      durationMs,
      ok,
      errors,
      dropped,
      callsPerSecond: durationMs > 0 ? (ok / durationMs) * 1000 : 0,
      p50Ms: this.#recent.percentile(50),
      p99Ms: this.#recent.percentile(99),
    };
    this.#interval = new Counts();
    this.#mergeRecent();
    return interval;
  }

  /** Everything since `begin`. */
  recording(): Recording {
    this.#mergeRecent();
    const { ok, errors, dropped } = this.#total;
    const responseTime = this.#response.summary();
    return {
      ok,
      errors,
      dropped,
      unfinished: this.#begun - ok - errors,
      retries: this.#retries,
      okInWindow: this.#window.ok,
      endedInWindow: this.#window.ok + this.#window.errors,
      responseTime,
      serviceTime: this.#open ? this.#service.summary() : responseTime,
      lateStart: this.#late.summary(),
      errorsByCode: this.#errors.summary(),
      endpoints: this.#endpoints.summary(),
    };
  }

  #mergeRecent(): void {
    this.#response.add(this.#recent);
    this.#recent.reset();
  }
}
