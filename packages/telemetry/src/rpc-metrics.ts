import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { type ClientObservation, type Clock, observe, type ServerObservation, systemClock } from '@org/rpc';
import { CallTable, type DurationSeries } from './call-table.js';
import { DURATION_BUCKETS, INSTRUMENTS, isFailure, SYSTEM } from './names.js';

/** Options of {@link rpcMetrics}. */
export interface RpcMetricsOptions {
  /** Upper bounds of the duration buckets, in seconds, ascending (default 0.005 to 10): views of the SDK do not reach them. */
  readonly buckets?: readonly number[] | undefined;
  /** How many methods of each side have metrics of their own (default 1,000, at least 1); all others are `_OTHER`. */
  readonly methods?: number | undefined;
  /** Says when the counts began and when they were collected (default the system's). */
  readonly clock?: Pick<Clock, 'wallNow'> | undefined;
}

/** What {@link rpcMetrics} gives: a `MetricProducer` of OpenTelemetry's SDK, to be named to a reader. */
export interface RpcMetrics {
  /** The counts until now; called by the readers. Several may share one producer: nothing is reset. */
  collect(): Promise<CollectedMetrics>;
  /**
   * Stops counting; may be called twice. What was counted until then is still collected, so that the last flush of a reader loses nothing,
   * but no calls are active any more.
   */
  close(): void;
}

/** What a reader gets: the `CollectionResult` of OpenTelemetry's SDK. */
export interface CollectedMetrics {
  resourceMetrics: {
    /** Empty: readers put the resource of their provider in its place. */
    resource: EmptyResource;
    /** One scope, `@org/rpc`; none while there is nothing to tell. */
    scopeMetrics: { scope: { name: string; version: string }; metrics: CollectedMetric[] }[];
  };
  /** Always empty. */
  errors: unknown[];
}

/** The `Resource` of OpenTelemetry's SDK, without attributes. */
export interface EmptyResource {
  readonly attributes: Attributes;
  merge(other: EmptyResource | null): EmptyResource;
  getRawAttributes(): [];
}

/** One metric with all its points: a histogram (`dataPointType` 0) or a sum (3), both since the start (`aggregationTemporality` 1). */
export type CollectedMetric =
  | (CollectedHead & { dataPointType: 0; dataPoints: CollectedPoint<CollectedHistogram>[] })
  | (CollectedHead & { dataPointType: 3; isMonotonic: boolean; dataPoints: CollectedPoint<number>[] });

/** What all metrics have. */
export interface CollectedHead {
  readonly descriptor: { name: string; description: string; unit: string; valueType: ValueType };
  readonly aggregationTemporality: 1;
}

/** A value with its attributes, and from when to when it was counted. */
export interface CollectedPoint<T> {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly attributes: Attributes;
  readonly value: T;
}

/** Durations in seconds; `counts` are not cumulative, and have one more than `boundaries` for what is above all of them. */
export interface CollectedHistogram {
  buckets: { boundaries: number[]; counts: number[] };
  sum: number;
  count: number;
  min: number;
  max: number;
}

/**
 * Metrics of all clients and servers of this process for a reader of OpenTelemetry's SDK (2 and later), with the names, attributes, units and
 * buckets of those that {@link openTelemetry} records through the API. A call costs much less so: it is counted as a plain number, and what has a name
 * and attributes is made when a reader asks. Views, cardinality limits and exemplars of the SDK do not reach them, and they are always cumulative.
 *
 * Beside it take `openTelemetry({ meter: false })`, so that nothing is counted twice.
 *
 * @returns a producer for `metricProducers` of a reader, whose `close` stops it
 * @throws TypeError for a wrong option
 * @example
 * ```ts
 * import { openTelemetry, rpcMetrics } from '@org/rpc-telemetry';
 * import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
 *
 * const exporter = new ConsoleMetricExporter();
 * const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [rpcMetrics()] });
 * new MeterProvider({ readers: [reader] });
 * openTelemetry({ meter: false });
 * ```
 */
export function rpcMetrics(options: RpcMetricsOptions = {}): RpcMetrics {
  const { buckets = DURATION_BUCKETS, methods = 1_000, clock = systemClock } = options;
  if (!Number.isInteger(methods) || methods < 1)
    throw new TypeError(`rpcMetrics: methods must be a whole number of at least 1, not ${String(methods)}`);
  if (buckets.length === 0 || !buckets.every((bound, index) => bound > (buckets[index - 1] ?? 0)))
    throw new TypeError(`rpcMetrics: buckets must be rising numbers above 0, not ${JSON.stringify(buckets)}`);
  const counts = new Counts([...buckets], methods, clock);
  const watching = observe(counts);
  return {
    collect: async () => counts.collect(),
    close() {
      watching.close();
      counts.close();
    },
  };
}

/** Counts what is told, and makes points of it when it is asked. */
class Counts {
  readonly #buckets: readonly number[];
  readonly #clock: Pick<Clock, 'wallNow'>;
  readonly #startTime: HrTime;
  readonly #calls: Record<'client' | 'server', CallTable>;
  /** How often each event was told. */
  readonly #events = { client: new Map<string, number>(), server: new Map<string, number>() };
  #isClosed = false;

  constructor(buckets: readonly number[], methods: number, clock: Pick<Clock, 'wallNow'>) {
    this.#buckets = buckets;
    this.#clock = clock;
    this.#startTime = toHrTime(clock.wallNow());
    this.#calls = { client: new CallTable(buckets, methods), server: new CallTable(buckets, methods) };
  }

  client(told: ClientObservation): void {
    if (told.type === 'event') count(this.#events.client, told.name);
    else if (told.type === 'callStart') this.#calls.client.begins(told.call);
    else this.#calls.client.ends(told.call);
  }

  server(told: ServerObservation): void {
    if (told.type === 'event') count(this.#events.server, told.name);
    else if (told.type === 'callStart') this.#calls.server.begins(told.call);
    else this.#calls.server.ends(told.call);
  }

  close(): void {
    this.#isClosed = true;
  }

  collect(): CollectedMetrics {
    const times = { startTime: this.#startTime, endTime: toHrTime(this.#clock.wallNow()) };
    const all = [
      this.#durations('client', times),
      this.#durations('server', times),
      ...(this.#isClosed ? [] : [this.#active('client', times), this.#active('server', times)]),
      this.#attempts(times),
      this.#told(times),
    ];
    // As of the SDK: what has no points is left out, and so is a scope without metrics.
    const metrics = all.filter(({ dataPoints }) => dataPoints.length > 0);
    const scope = { name: '@org/rpc', version: '' };
    return {
      resourceMetrics: { resource: NO_RESOURCE, scopeMetrics: metrics.length === 0 ? [] : [{ scope, metrics }] },
      errors: [],
    };
  }

  #durations(side: 'client' | 'server', times: Times): CollectedMetric {
    const dataPoints = this.#calls[side].methods.flatMap(({ name, ended }) =>
      ended.map((series) => {
        const { code } = series;
        const attributes = attributesOf(name, code);
        if (isFailure(side, code)) attributes['error.type'] = code;
        return { ...times, attributes, value: histogramOf(this.#buckets, series) };
      }),
    );
    return { ...head(INSTRUMENTS.duration(side)), dataPointType: 0, dataPoints };
  }

  #active(side: 'client' | 'server', times: Times): CollectedMetric {
    const points = this.#calls[side].methods.map(({ name, active }) => ({
      ...times,
      attributes: attributesOf(name),
      value: active,
    }));
    return { ...head(INSTRUMENTS.active(side)), dataPointType: 3, isMonotonic: false, dataPoints: points };
  }

  #attempts(times: Times): CollectedMetric {
    const points = this.#calls.client.methods.flatMap(({ name, attempts }) =>
      attempts.map(({ code, count: value }) => ({ ...times, attributes: attributesOf(name, code), value })),
    );
    return { ...head(INSTRUMENTS.attempts), dataPointType: 3, isMonotonic: true, dataPoints: points };
  }

  #told(times: Times): CollectedMetric {
    const points = (['client', 'server'] as const).flatMap((side) =>
      [...this.#events[side]].map(([event, value]) => ({ ...times, attributes: { side, event }, value })),
    );
    return { ...head(INSTRUMENTS.events), dataPointType: 3, isMonotonic: true, dataPoints: points };
  }
}

interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

const NO_RESOURCE: EmptyResource = {
  attributes: {},
  merge: (other) => other ?? NO_RESOURCE,
  getRawAttributes: () => [],
};

function count(events: Map<string, number>, name: string): void {
  events.set(name, (events.get(name) ?? 0) + 1);
}

function head(described: { name: string; description: string; unit: string }): CollectedHead {
  return { descriptor: { ...described, valueType: ValueType.DOUBLE }, aggregationTemporality: 1 };
}

function attributesOf(name: string, code?: string): Attributes {
  const attributes: Attributes = { 'rpc.system.name': SYSTEM, 'rpc.method': name };
  if (code !== undefined) attributes['rpc.status_code'] = code;
  return attributes;
}

/** A copy: an exporter may keep it while calls go on. */
function histogramOf(buckets: readonly number[], { counts, sum, min, max }: DurationSeries): CollectedHistogram {
  const all = counts.reduce((before, one) => before + one, 0);
  return { buckets: { boundaries: [...buckets], counts: [...counts] }, sum, count: all, min, max };
}

function toHrTime(wallMs: number): HrTime {
  return [Math.floor(wallMs / 1_000), Math.floor((wallMs % 1_000) * 1_000_000)];
}
