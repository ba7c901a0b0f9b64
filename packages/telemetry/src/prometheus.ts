import {
  type Client,
  type ClientObservation,
  type ObservedAttempt,
  type ObservedClientCall,
  observe,
  type Server,
  type ServerObservation,
  type TimeSpent,
} from '@org/rpc';
import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import { CallTable, type MethodSeries } from './call-table.js';
import { BoundedNames, DURATION_BUCKETS, statusOf } from './names.js';

/** Options of {@link prometheus}. */
export interface PrometheusOptions {
  /** The `Registry` of `prom-client` that gets the metrics; serving it is up to you. */
  readonly register: Registry;
  /** Clients whose endpoints, registry and rules become metrics, read at each scrape. */
  readonly clients?: readonly Client[] | undefined;
  /** Servers whose connections and queues become metrics, read at each scrape. */
  readonly servers?: readonly Server[] | undefined;
  /** Upper bounds of the duration buckets, in seconds, ascending (default 0.005 to 10). */
  readonly buckets?: readonly number[] | undefined;
  /** How many methods have series of their own (default 1,000, at least 1); all others are `_OTHER`. For endpoints the bound is always 200. */
  readonly methods?: number | undefined;
}

/** How many endpoints have series of their own. */
const ENDPOINTS_MAX = 200;

/**
 * Metrics of all clients and servers of this process in a registry of `prom-client`: `rpc_client_call_duration_seconds` and
 * `rpc_server_call_duration_seconds` by method and code, attempts by endpoint, events such as `retried` and `breakerOpened`, and the
 * present state of the given `clients` and `servers`. `docs/telemetry.md` lists the metrics.
 *
 * @returns an object whose `close` stops it and removes its metrics from the registry; may be called twice
 * @throws Error when the registry already has metrics of these names: call this once per registry
 */
export function prometheus(options: PrometheusOptions): { close(): void } {
  const metrics = new PrometheusMetrics(options);
  const watching = observe(metrics);
  return {
    close() {
      watching.close();
      metrics.close();
    },
  };
}

class PrometheusMetrics {
  readonly #register: Registry;
  readonly #endpoints = new BoundedNames(ENDPOINTS_MAX);
  readonly #own: { readonly name: string }[] = [];
  readonly #calls: Record<'client' | 'server', CallTable>;
  /** Attempts by service and endpoint. */
  readonly #attempts = new Map<string, Map<string, AttemptSeries>>();
  /** The attempts that were looked up last, which are often those of the next call too. */
  #last: AttemptSeries | undefined;
  readonly #services: BoundedNames;
  readonly #events: Counter;
  readonly #culprits: Counter;

  constructor({
    register,
    clients = [],
    servers = [],
    buckets = DURATION_BUCKETS,
    methods = 1_000,
  }: PrometheusOptions) {
    if (!Number.isInteger(methods) || methods < 1)
      throw new TypeError(`prometheus: methods must be a whole number of at least 1, not ${String(methods)}`);
    if (buckets.length === 0 || !buckets.every((bound, index) => bound > (buckets[index - 1] ?? 0)))
      throw new TypeError(`prometheus: buckets must be rising numbers above 0, not ${JSON.stringify(buckets)}`);
    this.#register = register;
    this.#services = new BoundedNames(methods);
    this.#calls = { client: new CallTable(buckets, methods, false), server: new CallTable(buckets, methods, false) };
    this.#events = new Counter({
      name: 'rpc_events_total',
      help: 'What clients and servers tell: retried, breakerOpened, limited and others',
      labelNames: ['side', 'event'],
      registers: [register],
    });
    this.#add(this.#events as unknown as { readonly name: string });
    this.#culprits = new Counter({
      name: 'rpc_client_culprits_total',
      help: 'What was at fault when calls had no time left or no server: loop, connection, network, queue, handler, downstream (with the service that its handler waited for) and others',
      labelNames: ['rpc_service', 'culprit', 'downstream'],
      registers: [register],
    });
    this.#add(this.#culprits as unknown as { readonly name: string });
    for (const side of ['client', 'server'] as const) this.#addCalls(side, buckets);
    this.#addAttempts();
    if (clients.length > 0) this.#addClients(clients);
    if (servers.length > 0) this.#addServers(servers);
  }

  client(told: ClientObservation): void {
    if (told.type === 'event') this.#events.inc({ side: 'client', event: told.name });
    else if (told.type === 'callStart') this.#calls.client.begins(told.call);
    else {
      const { call } = told;
      this.#calls.client.ends(call);
      const { attempts, error } = call;
      for (let i = 0; i < attempts.length; i++) this.#countAttempt(call, attempts[i]!);
      if (error?.spent !== undefined) this.#countCulprit(call.service, error.spent);
    }
  }

  server(told: ServerObservation): void {
    if (told.type === 'event') this.#events.inc({ side: 'server', event: told.name });
    else if (told.type === 'callStart') this.#calls.server.begins(told.call);
    else this.#calls.server.ends(told.call);
  }

  #countCulprit(service: string, { culprit, downstream }: TimeSpent): void {
    const labels = { rpc_service: this.#services.of(service), culprit };
    if (downstream === undefined) this.#culprits.inc(labels);
    else this.#culprits.inc({ ...labels, downstream: this.#services.of(downstream.service) });
  }

  close(): void {
    for (const metric of this.#own) {
      // Another metric of the same name may have replaced it since.
      if (this.#register.getSingleMetric(metric.name) === (metric as never))
        this.#register.removeSingleMetric(metric.name);
    }
    this.#own.length = 0;
  }

  #countAttempt({ service, durationMs = 0 }: ObservedClientCall, attempt: ObservedAttempt): void {
    const { endpoint = 'none', startMs, endMs } = attempt;
    let series = this.#last;
    if (series?.service !== service || series.endpoint !== endpoint) {
      series = this.#attempts.get(service)?.get(endpoint) ?? this.#addEndpoint(service, endpoint);
      this.#last = series;
    }
    // An attempt that has no end when its call ends was given up: another attempt was faster.
    const code = endMs === undefined ? 'CANCELLED' : statusOf(attempt);
    const counted = code === 'OK' ? series.ok : inside(series.others, code, noAttempts);
    counted.count++;
    counted.seconds += Math.max(0, (endMs ?? durationMs) - startMs) / 1_000;
  }

  #addEndpoint(service: string, endpoint: string): AttemptSeries {
    const byEndpoint = inside(this.#attempts, this.#services.of(service), () => new Map<string, AttemptSeries>());
    const name = this.#endpoints.of(endpoint);
    return inside(byEndpoint, name, () => ({ service, endpoint: name, ok: noAttempts(), others: new Map() }));
  }

  #add<M extends { readonly name: string }>(metric: M): M {
    this.#own.push(metric);
    return metric;
  }

  #addCalls(side: 'client' | 'server', buckets: readonly number[]): void {
    const name = `rpc_${side}_call_duration_seconds`;
    const help = `Duration of ${side} calls, all attempts and items included`;
    const get = async () => {
      const values = this.#calls[side].methods.flatMap((series) => durationValues(name, buckets, series));
      return { name, help, type: 'histogram', aggregator: 'sum', values };
    };
    const metric = this.#add({ name, help, type: 'histogram', get, reset: () => {} });
    // A registry needs no more of a metric than this, and `Histogram` does not accept counts made elsewhere.
    this.#register.registerMetric(metric as unknown as Metric);
    this.#gauge(`rpc_${side}_calls_active`, `Calls of a ${side} that have not ended`, ['rpc_method'], (gauge) => {
      for (const series of this.#calls[side].methods) gauge.set({ rpc_method: series.name }, series.active);
    });
  }

  #addAttempts(): void {
    const add = (name: string, help: string, field: 'count' | 'seconds'): void =>
      this.#counter(name, help, ['rpc_service', 'server_endpoint', 'rpc_status_code'], (counter) => {
        for (const [rpc_service, byEndpoint] of this.#attempts)
          for (const [server_endpoint, { ok, others }] of byEndpoint)
            for (const [rpc_status_code, counted] of [['OK', ok] as const, ...others])
              if (counted.count > 0) counter.inc({ rpc_service, server_endpoint, rpc_status_code }, counted[field]);
      });
    add('rpc_client_attempts_total', 'Attempts of calls, repeats included', 'count');
    add('rpc_client_attempt_seconds_total', 'Time that attempts took', 'seconds');
  }

  /** A gauge whose values are read only at a scrape. */
  #gauge(name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void): void {
    const registers = [this.#register];
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: () => {
        gauge.reset();
        collect(gauge);
      },
    });
    this.#add(gauge as unknown as { readonly name: string });
  }

  /** The same of what was counted elsewhere. */
  #counter(name: string, help: string, labelNames: string[], collect: (counter: Counter) => void): void {
    const registers = [this.#register];
    const counter: Counter = new Counter({
      name,
      help,
      labelNames,
      registers,
      collect: () => {
        counter.reset();
        collect(counter);
      },
    });
    this.#add(counter as unknown as { readonly name: string });
  }

  #addClients(clients: readonly Client[]): void {
    const services = function* () {
      for (const client of clients) yield* Object.entries(client.state().services);
    };
    this.#gauge('rpc_client_endpoints', 'Endpoints that clients know', ['rpc_service', 'connection'], (gauge) => {
      for (const [rpc_service, { nodes }] of services())
        for (const { connection } of nodes) gauge.inc({ rpc_service, connection });
    });
    this.#gauge(
      'rpc_client_registry_age_seconds',
      'Since the registry last vouched for a list',
      ['rpc_service'],
      (gauge) => {
        const oldest = new Map<string, number>();
        for (const [service, { ageMs }] of services()) oldest.set(service, Math.max(oldest.get(service) ?? 0, ageMs));
        for (const [rpc_service, ageMs] of oldest) gauge.set({ rpc_service }, ageMs / 1_000);
      },
    );
    this.#gauge('rpc_client_kept_calls', 'One-way calls that wait to be sent later', ['rpc_service'], (gauge) => {
      for (const [rpc_service, { keptCalls }] of services())
        if (keptCalls !== undefined) gauge.inc({ rpc_service }, keptCalls.calls);
    });
    for (const end of ['sent', 'dropped'] as const)
      this.#counter(
        `rpc_client_kept_calls_${end}_total`,
        `One-way calls that were kept and have been ${end === 'sent' ? 'sent' : 'given up'}`,
        ['rpc_service'],
        (counter) => {
          for (const [rpc_service, { keptCalls }] of services())
            if (keptCalls !== undefined) counter.inc({ rpc_service }, keptCalls[end]);
        },
      );
    this.#counter(
      'rpc_client_rules_would_apply_total',
      'Calls that dark rules would have changed, since they were set',
      ['rpc_service', 'policy'],
      (counter) => {
        for (const [rpc_service, { rules }] of services())
          for (const [policy, { mode, wouldApply }] of Object.entries(rules?.policies ?? {}))
            if (mode === 'dark') counter.inc({ rpc_service, policy }, wouldApply);
      },
    );
  }

  #addServers(servers: readonly Server[]): void {
    this.#gauge('rpc_server_connections', 'Open connections', [], (gauge) => {
      for (const server of servers) gauge.inc(server.state().connections);
    });
    this.#gauge('rpc_server_calls', 'Calls that run, and that wait to be let in', ['state'], (gauge) => {
      for (const server of servers) {
        const { running, waiting } = server.state().calls;
        gauge.inc({ state: 'running' }, running);
        gauge.inc({ state: 'waiting' }, waiting);
      }
    });
    this.#gauge('rpc_server_registered', 'Whether the server is in the registry', ['instance'], (gauge) => {
      for (const server of servers) {
        const { instance, registry } = server.state();
        gauge.set({ instance }, registry.status === 'registered' ? 1 : 0);
      }
    });
    this.#counter(
      'rpc_server_rules_would_apply_total',
      'Calls that dark rules of servers would have held up or refused, since they were set',
      ['rpc_service', 'policy'],
      (counter) => {
        for (const server of servers)
          for (const [rpc_service, { policies }] of Object.entries(server.state().rules))
            for (const [policy, { mode, wouldApply }] of Object.entries(policies))
              if (mode === 'dark') counter.inc({ rpc_service, policy }, wouldApply);
      },
    );
  }
}

/** Attempts that have ended in the same way. */
interface AttemptCount {
  count: number;
  seconds: number;
}

/** Attempts at one endpoint. Nearly all succeed: they are counted without a lookup by code. */
interface AttemptSeries {
  readonly service: string;
  readonly endpoint: string;
  readonly ok: AttemptCount;
  readonly others: Map<string, AttemptCount>;
}

const noAttempts = (): AttemptCount => ({ count: 0, seconds: 0 });

function inside<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** The lines of a histogram: cumulative buckets, sum and count. */
function durationValues(metric: string, buckets: readonly number[], { name, ended }: MethodSeries): object[] {
  return ended.flatMap(({ code, counts, sum }) => {
    const labels = { rpc_method: name, rpc_status_code: code };
    let count = 0;
    const lines = counts.map((one, index) => {
      count += one;
      return { metricName: `${metric}_bucket`, labels: { ...labels, le: buckets[index] ?? '+Inf' }, value: count };
    });
    return [
      ...lines,
      { metricName: `${metric}_sum`, labels, value: sum },
      { metricName: `${metric}_count`, labels, value: count },
    ];
  });
}
