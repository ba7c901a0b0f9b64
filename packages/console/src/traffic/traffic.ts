import type { MethodKind } from '@org/rpc-core';
import { addBuckets, type Histogram, percentile } from './histogram.js';
import type { CallDelta } from './report-delta.js';

/** The calls counted in a span of time. */
export interface Flow {
  calls: number;
  errors: number;
  readonly codes: Map<string, number>;
  readonly latency: Histogram;
}

/** Which caller calls which method of which instance. */
export interface Pair {
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
  readonly caller: string;
  readonly instance: string;
}

/** The calls of a pair in the last minutes. */
export interface PairCalls {
  readonly pair: Pair;
  /** All of them together. */
  readonly flow: Flow;
  /** The same by number of the slot, of {@link SLOT_SECONDS} each. */
  readonly slots: ReadonlyMap<number, Flow>;
}

/** How long the last calls of a series took, of which there are none now. */
export interface LastCalls {
  /** When they ended, in whole seconds of the clock. */
  readonly second: number;
  readonly latency: Histogram;
}

/** One second of a series. */
export interface Point {
  /** The time in whole seconds of the clock. */
  readonly second: number;
  readonly calls: number;
  readonly errors: number;
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
}

/** How far back calls are remembered, in seconds. */
export const TRAFFIC_SECONDS = 300;
/** How long a slot of {@link Traffic.pairs} is, in seconds. */
export const SLOT_SECONDS = 10;
/** How many pairs are kept for the last minutes; calls of further pairs are only in the series. */
const PAIRS_MAX = 4_000;
const SERIES_MAX = 3_000;
const EDGE = '["edge",';
/** How long the view shows that one service has called another, in seconds. */
const EDGE_SECONDS = 60;
/** How long the last calls of a service, a method or an instance are remembered when there are no others, in seconds. */
const LAST_SECONDS = 3_600;
/** Reports about a second arrive within this many seconds; then the second is summed up. */
const OPEN_SECONDS = 4;
/** The span over which rates are shown, in seconds. */
export const RATE_SECONDS = 5;

interface Series {
  /** Seconds that still take reports. */
  readonly open: Map<number, Flow>;
  readonly points: Point[];
  /** The seconds that were summed up last, {@link RATE_SECONDS} of them at most: what is shown when there are no calls any more. */
  last: readonly { readonly second: number; readonly latency: Histogram }[];
  /** When the series last had calls. */
  seenAt: number;
}

/** The calls of the last minutes, as servers report them. Memory is bounded, whatever they report. */
export class Traffic {
  readonly #series = new Map<string, Series>();
  readonly #pairs = new Map<string, { readonly pair: Pair; readonly slots: Map<number, Flow> }>();
  /** How many deltas belonged to pairs beyond the bound. */
  #unkept = 0;

  /** Adds the deltas of one instance. @param second - the clock's time in whole seconds */
  record(instance: string, deltas: readonly CallDelta[], second: number): void {
    for (const delta of deltas) {
      const { service, method, kind, caller } = delta;
      for (const key of [
        seriesKey('service', service),
        seriesKey('instance', instance),
        seriesKey('method', service, method),
        seriesKey('caller', caller),
        seriesKey('edge', caller, instance, service),
      ])
        this.#addToSeries(key, delta, second);
      this.#addToPair({ service, method, kind, caller, instance }, delta, Math.floor(second / SLOT_SECONDS));
    }
  }

  /** The last {@link RATE_SECONDS} whole seconds of a series. */
  lately(second: number, ...key: readonly string[]): Flow {
    const flow = emptyFlow();
    const series = this.#series.get(JSON.stringify(key));
    if (series === undefined) return flow;
    for (const [at, each] of series.open) if (at >= second - RATE_SECONDS && at < second) addFlow(flow, each);
    return flow;
  }

  /** How long the last calls of a series took, up to an hour ago; `undefined` for none. */
  lastCalls(...key: readonly string[]): LastCalls | undefined {
    const { open, last } = this.#series.get(JSON.stringify(key)) ?? { open: new Map<number, Flow>(), last: [] };
    const latest = [...last, ...[...open].map(([second, { latency }]) => ({ second, latency }))].sort(
      (a, b) => a.second - b.second,
    );
    const end = latest.at(-1)?.second;
    if (end === undefined) return undefined;
    const latency: Histogram = new Map();
    for (const each of latest) if (each.second > end - RATE_SECONDS) addBuckets(latency, [...each.latency].flat());
    return { second: end, latency };
  }

  /** The points of a series, one for each second with calls, the oldest first. */
  points(...key: readonly string[]): readonly Point[] {
    const series = this.#series.get(JSON.stringify(key));
    if (series === undefined) return [];
    return [...series.points, ...[...series.open].sort(([a], [b]) => a - b).map(([at, flow]) => pointOf(at, flow))];
  }

  /** The keys of all series of a kind, without the kind. */
  keys(kind: string): readonly (readonly string[])[] {
    const parsed = Array.from(this.#series.keys(), (key) => JSON.parse(key) as string[]);
    return parsed.filter(([each]) => each === kind).map(([, ...rest]) => rest);
  }

  /** Every pair with its calls in the last `seconds`, in whole slots of ten seconds. */
  pairs(second: number, seconds: number): readonly PairCalls[] {
    const from = Math.floor((second - seconds) / SLOT_SECONDS);
    return Array.from(this.#pairs.values(), ({ pair, slots }) => {
      const flow = emptyFlow();
      const recent = new Map([...slots].filter(([slot]) => slot >= from));
      for (const each of recent.values()) addFlow(flow, each);
      return { pair, flow, slots: recent };
    }).filter(({ flow }) => flow.calls > 0);
  }

  /** Whether some pairs were not kept because of the bound. */
  get isPartial(): boolean {
    return this.#unkept > 0;
  }

  /** Sums up closed seconds and forgets old ones; called about once a second. */
  sweep(second: number): void {
    for (const [key, series] of this.#series) {
      const { open, points, seenAt } = series;
      // Edges are many, and nobody looks at their past.
      const isEdge = key.startsWith(EDGE);
      for (const [at, flow] of open) {
        if (at > second - OPEN_SECONDS - RATE_SECONDS) continue;
        open.delete(at);
        series.last = [
          ...series.last.filter((each) => each.second > at - RATE_SECONDS),
          { second: at, latency: flow.latency },
        ];
        if (!isEdge) points.push(pointOf(at, flow));
      }
      while (points.length > 0 && points[0]!.second < second - TRAFFIC_SECONDS) points.shift();
      if (seenAt < second - (isEdge ? EDGE_SECONDS : LAST_SECONDS)) this.#series.delete(key);
    }
    const oldest = Math.floor((second - TRAFFIC_SECONDS) / SLOT_SECONDS);
    for (const [key, { slots }] of this.#pairs) {
      for (const slot of slots.keys()) if (slot < oldest) slots.delete(slot);
      if (slots.size === 0) this.#pairs.delete(key);
    }
  }

  #addToSeries(key: string, delta: CallDelta, second: number): void {
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= SERIES_MAX && !this.#forgetIdle(second)) return;
      series = { open: new Map(), points: [], last: [], seenAt: second };
      this.#series.set(key, series);
    }
    series.seenAt = second;
    add(flowIn(series.open, second), delta);
  }

  /** Makes room: one whose calls are over is worth less than one that has some. */
  #forgetIdle(second: number): boolean {
    for (const [key, { seenAt }] of this.#series)
      if (seenAt < second - TRAFFIC_SECONDS) return this.#series.delete(key);
    return false;
  }

  #addToPair(pair: Pair, delta: CallDelta, slot: number): void {
    const key = JSON.stringify([pair.service, pair.method, pair.caller, pair.instance]);
    let kept = this.#pairs.get(key);
    if (kept === undefined) {
      if (this.#pairs.size >= PAIRS_MAX) {
        this.#unkept++;
        return;
      }
      kept = { pair, slots: new Map() };
      this.#pairs.set(key, kept);
    }
    add(flowIn(kept.slots, slot), delta);
  }
}

/** A flow without calls. */
export function emptyFlow(): Flow {
  return { calls: 0, errors: 0, codes: new Map(), latency: new Map() };
}

/** Adds one flow to another. */
export function addFlow(into: Flow, { calls, errors, codes, latency }: Flow): void {
  into.calls += calls;
  into.errors += errors;
  for (const [code, count] of codes) into.codes.set(code, (into.codes.get(code) ?? 0) + count);
  for (const [bucket, count] of latency) into.latency.set(bucket, (into.latency.get(bucket) ?? 0) + count);
}

function seriesKey(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function flowIn(slots: Map<number, Flow>, slot: number): Flow {
  let flow = slots.get(slot);
  if (flow === undefined) {
    flow = emptyFlow();
    slots.set(slot, flow);
  }
  return flow;
}

function add(flow: Flow, { calls, errors, latency }: CallDelta): void {
  flow.calls += calls;
  for (const [code, count] of Object.entries(errors)) {
    flow.errors += count;
    flow.codes.set(code, (flow.codes.get(code) ?? 0) + count);
  }
  addBuckets(flow.latency, latency);
}

function pointOf(second: number, { calls, errors, latency }: Flow): Point {
  const [p50, p90, p99] = [50, 90, 99].map((percent) => percentile(latency, percent));
  return { second, calls, errors, p50, p90, p99 };
}
