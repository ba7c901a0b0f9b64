import type { ObservedCall, ObservedClientCall, ObservedServerCall } from '@org/rpc';
import { OTHER, statusOf } from './names.js';

/** Durations of calls that have ended in the same way. */
export interface DurationSeries {
  readonly code: string;
  /** Calls in each bucket, not cumulative; the last one is for durations above all bounds. */
  readonly counts: number[];
  sum: number;
  /** The shortest and the longest, in seconds. */
  min: number;
  max: number;
}

/** Attempts that have ended with one code. */
export interface AttemptCount {
  readonly code: string;
  count: number;
}

/** The counts of one method, or of all methods beyond the bound. */
export interface MethodSeries {
  /** `service/method`, or `_OTHER`. */
  readonly name: string;
  active: number;
  readonly ended: DurationSeries[];
  /** Attempts of a client's calls, by code; an attempt that was given up for a faster one counts as `CANCELLED`. */
  readonly attempts: AttemptCount[];
}

/**
 * Counts calls by method and code as plain numbers, which become series only when metrics are read. This costs a call a tenth of what naming
 * the labels of a metric each time would cost, and calls are far more frequent than reads.
 */
export class CallTable {
  readonly #buckets: readonly number[];
  readonly #max: number;
  readonly #services = new Map<string, Map<string, MethodSeries>>();
  readonly #all: MethodSeries[] = [];
  #other: MethodSeries | undefined;
  readonly #countsAttempts: boolean;
  /** The method that was looked up last, which is often the next one too. */
  #last: MethodSeries | undefined;
  #lastService = '';
  #lastMethod = '';

  /**
   * @param buckets - upper bounds in seconds, ascending
   * @param max - how many methods have a series of their own
   * @param countsAttempts - whether attempts of clients are counted by method (default true)
   */
  constructor(buckets: readonly number[], max: number, countsAttempts = true) {
    this.#countsAttempts = countsAttempts;
    this.#buckets = buckets;
    this.#max = max;
  }

  /** The counts of every method. */
  get methods(): readonly MethodSeries[] {
    return this.#all;
  }

  /** A call begins. */
  begins(call: ObservedCall): void {
    this.#of(call).active++;
  }

  /** A call has ended; returns the counts of its method. */
  ends(call: ObservedClientCall | ObservedServerCall): MethodSeries {
    const method = this.#of(call);
    method.active--;
    const code = statusOf(call);
    const first = method.ended[0];
    // The first series is nearly always that of `OK`.
    const series = first?.code === code ? first : this.#series(method, code);
    const seconds = (call.durationMs ?? 0) / 1_000;
    let bucket = 0;
    while (bucket < this.#buckets.length && seconds > this.#buckets[bucket]!) bucket++;
    series.counts[bucket]!++;
    series.sum += seconds;
    if (seconds < series.min) series.min = seconds;
    if (seconds > series.max) series.max = seconds;
    if (!this.#countsAttempts || call.side === 'server') return method;
    const { attempts } = call;
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i]!;
      const ended = attempt.endMs === undefined ? 'CANCELLED' : statusOf(attempt);
      const counted = method.attempts[0]?.code === ended ? method.attempts[0] : countOf(method, ended);
      counted.count++;
    }
    return method;
  }

  #series({ ended }: MethodSeries, code: string): DurationSeries {
    let series = ended.find((one) => one.code === code);
    if (series === undefined) {
      series = { code, counts: new Array<number>(this.#buckets.length + 1).fill(0), sum: 0, min: Infinity, max: 0 };
      ended.push(series);
    }
    return series;
  }

  #of({ service, method }: ObservedCall): MethodSeries {
    if (this.#last !== undefined && service === this.#lastService && method === this.#lastMethod) return this.#last;
    const series = this.#services.get(service)?.get(method) ?? this.#add(service, method);
    this.#last = series;
    this.#lastService = service;
    this.#lastMethod = method;
    return series;
  }

  #add(service: string, method: string): MethodSeries {
    // Names beyond the bound are not remembered either: their number may be unbounded.
    if (this.#all.length >= this.#max) {
      this.#other ??= this.#list(OTHER);
      return this.#other;
    }
    let methods = this.#services.get(service);
    if (methods === undefined) {
      methods = new Map();
      this.#services.set(service, methods);
    }
    const series = this.#list(`${service}/${method}`);
    methods.set(method, series);
    return series;
  }

  #list(name: string): MethodSeries {
    const series: MethodSeries = { name, active: 0, ended: [], attempts: [] };
    this.#all.push(series);
    return series;
  }
}

function countOf({ attempts }: MethodSeries, code: string): AttemptCount {
  let counted = attempts.find((one) => one.code === code);
  if (counted === undefined) {
    counted = { code, count: 0 };
    attempts.push(counted);
  }
  return counted;
}
