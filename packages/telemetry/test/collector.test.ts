import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import {
  type Client,
  callContext,
  createClient,
  createServer,
  defineService,
  isRpcError,
  memory,
  method,
  type Registry as NodeRegistry,
  RpcError,
  type Server,
  stream,
} from '@org/rpc';
import { seededRandom } from '@org/rpc-testkit';
import { Registry } from 'prom-client';
import { openTelemetry } from '../src/open-telemetry.js';
import { prometheus } from '../src/prometheus.js';

const Shop = defineService('shop', {
  order: method<(id: number) => number>({ idempotent: true }),
  pay: method<(id: number) => number>(),
  through: method<(id: number) => number>(),
  feed: stream<(count: number) => AsyncIterable<number>>(),
});

/** How many of each there were, by name. */
type Counts = Record<string, number>;

/** Every span that began, and every one that ended. */
class Collector implements SpanProcessor {
  begun = 0;
  readonly spans: ReadableSpan[] = [];

  onStart(): void {
    this.begun++;
  }

  onEnd(span: ReadableSpan): void {
    this.spans.push(span);
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}

  of(kind: SpanKind): ReadableSpan[] {
    return this.spans.filter((span) => span.kind === kind);
  }
}

function isFeed({ name }: ReadableSpan): boolean {
  return name === 'shop/feed';
}

/** Three servers that misbehave by chance, a client of them, and what has really happened, as both ends saw it. */
class Scene {
  readonly registry: NodeRegistry = memory();
  readonly client: Client;
  readonly random = seededRandom(7);
  /** By `method code`: how each call ended for its caller. */
  readonly ended: Counts = {};
  /** By method: how often a handler ran. */
  readonly ran: Counts = {};
  /** By the id of the server's span: the port of the server whose handler ran in it. */
  readonly ranAt = new Map<string, number>();
  readonly events: Counts = {};
  readonly #servers: Server[] = [];

  constructor() {
    this.client = createClient({
      registry: this.registry,
      retry: { max: 2 },
      hedge: { max: 1, delayMs: 15, maxPercent: 100 },
      throttle: false,
    });
    for (const event of ['retried', 'hedged'] as const) this.client.on(event, () => count(this.events, event));
  }

  async start(port = 0): Promise<Server> {
    const server = createServer({ registry: this.registry });
    server.on('handlerError', () => {});
    const work = async (name: string, id: number): Promise<number> => {
      this.#enter(name, bound);
      if (this.random() < 0.2) await sleep(20 + this.random() * 30, undefined, { signal: callContext()!.signal });
      if (this.random() < 0.15) throw new RpcError(this.random() < 0.5 ? 'UNAVAILABLE' : 'NOT_FOUND', 'by chance');
      if (this.random() < 0.02) throw new Error('a bug');
      return id;
    };
    const { client } = this;
    const enter = (): void => this.#enter('feed', bound);
    server.add(Shop, {
      order: (id) => work('order', id),
      pay: (id) => work('pay', id),
      through: async (id) =>
        (await work('through', id)) + (await this.call('order', () => client.service(Shop).order(id))),
      feed: async function* (length) {
        enter();
        for (let i = 0; i < length; i++) {
          if (i === 7) throw new RpcError('ABORTED', 'no more');
          await sleep(1);
          yield i;
        }
      },
    });
    const { port: bound } = await server.listen({ host: '127.0.0.1', port });
    this.#servers.push(server);
    return server;
  }

  /** Makes a call and notes how it ends. */
  async call<T>(name: string, run: () => Promise<T>): Promise<T> {
    try {
      const result = await run();
      count(this.ended, `${name} OK`);
      return result;
    } catch (error) {
      assert.ok(isRpcError(error));
      count(this.ended, `${name} ${error.code}`);
      throw error;
    }
  }

  /** One call of some kind. */
  async any(): Promise<void> {
    const chance = this.random();
    const stub = this.client.service(Shop);
    if (chance < 0.4) await this.call('order', () => stub.with({ timeoutMs: 300 }).order(1));
    else if (chance < 0.55) await this.call('order', () => stub.with({ timeoutMs: 25, attemptTimeoutMs: 10 }).order(1));
    else if (chance < 0.7) await this.call('pay', () => stub.with({ timeoutMs: 35 }).pay(2));
    else if (chance < 0.8) {
      const signal = AbortSignal.timeout(Math.floor(this.random() * 10));
      await this.call('pay', () => stub.with({ signal }).pay(2));
    } else if (chance < 0.9) await this.call('through', () => stub.through(3));
    else await this.call('feed', () => this.#read(Math.floor(this.random() * 12), this.random() < 0.3));
  }

  async close(): Promise<void> {
    await this.client.close();
    for (const server of this.#servers) await server.close({ drainMs: 0, graceMs: 0 });
  }

  async #read(length: number, leavesEarly: boolean): Promise<void> {
    for await (const item of this.client.service(Shop).feed(length)) if (leavesEarly && item === 2) return;
  }

  #enter(name: string, port: number): void {
    count(this.ran, name);
    this.ranAt.set(trace.getActiveSpan()!.spanContext().spanId, port);
  }
}

function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function counted(names: Iterable<string>): Counts {
  const counts: Counts = {};
  for (const name of names) count(counts, name);
  return counts;
}

const named = ({ attributes }: Pick<ReadableSpan, 'attributes'>): string =>
  `${String(attributes['rpc.method']).replace('shop/', '')} ${attributes['rpc.status_code']}`;

describe('what is collected, beside what has really happened, while servers are slow, fail and die', () => {
  const collector = new Collector();
  const tracer = new BasicTracerProvider({ spanProcessors: [collector] }).getTracer('test');
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const meters = new MeterProvider({ readers: [reader] });
  const register = new Registry();
  const scene = new Scene();
  const closing: { close(): void }[] = [];

  before(async function () {
    this.timeout(30_000);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    closing.push(
      openTelemetry({ tracer, meter: meters.getMeter('test'), attempts: 'spans' }),
      prometheus({ register }),
    );
    const [doomed] = await Promise.all([scene.start(), scene.start(), scene.start()]);
    await scene.client.ready(Shop);
    const work = async (calls: number): Promise<void> => {
      for (let i = 0; i < calls; i++) await scene.any().catch(() => undefined);
    };
    const all = (calls: number): Promise<void[]> => Promise.all(Array.from({ length: 12 }, () => work(calls)));
    const first = all(16);
    await sleep(60);
    await doomed.close({ drainMs: 0, graceMs: 0 });
    await first;
    await scene.start();
    await all(8);
    for (let i = 0; i < 500 && collector.begun > collector.spans.length; i++) await sleep(2);
    await reader.forceFlush();
  });

  after(async () => {
    for (const each of closing) each.close();
    await scene.close();
    await meters.shutdown();
    context.disable();
    propagation.disable();
  });

  it('has a span of a client for each call, with the code that its caller got', () => {
    assert.deepEqual(counted(collector.of(SpanKind.CLIENT).map(named)), scene.ended);
    // All that was to happen has happened.
    const codes = new Set(Object.keys(scene.ended).map((name) => name.split(' ')[1]));
    for (const code of ['OK', 'DEADLINE_EXCEEDED', 'CANCELLED', 'NOT_FOUND', 'UNAVAILABLE', 'ABORTED'])
      assert.ok(codes.has(code), `no call ended with ${code}`);
    assert.ok(scene.events['retried']! > 0 && scene.events['hedged']! > 0, JSON.stringify(scene.events));
  });

  it('ends every span, and puts each below what it was made for', () => {
    assert.equal(collector.spans.length, collector.begun);
    const byId = new Map(collector.spans.map((span) => [span.spanContext().spanId, span]));
    const parentOf = (span: ReadableSpan): ReadableSpan | undefined => byId.get(span.parentSpanContext?.spanId ?? '');
    for (const attempt of collector.of(SpanKind.INTERNAL)) {
      assert.equal(parentOf(attempt)?.kind, SpanKind.CLIENT);
      assert.equal(parentOf(attempt)?.attributes['rpc.method'] !== undefined, true);
    }
    let nested = 0;
    for (const call of collector.of(SpanKind.CLIENT)) {
      const parent = parentOf(call);
      if (parent === undefined) continue;
      assert.deepEqual([parent.kind, parent.attributes['rpc.method']], [SpanKind.SERVER, 'shop/through']);
      nested++;
    }
    assert.ok(nested > 0);
    for (const served of collector.of(SpanKind.SERVER)) {
      const attempt = parentOf(served);
      assert.equal(attempt?.kind, SpanKind.INTERNAL, `a span of a server is below ${attempt?.name}`);
      assert.equal(served.spanContext().traceId, attempt.spanContext().traceId);
      assert.equal(parentOf(attempt)?.attributes['rpc.method'], served.attributes['rpc.method']);
    }
    // Each handler has run below the attempt that went to its server.
    for (const [id, port] of scene.ranAt) assert.equal(parentOf(byId.get(id)!)?.attributes['server.port'], port);
  });

  it('has a span of a server for each handler that ran', () => {
    const entered = collector.of(SpanKind.SERVER).filter(({ attributes }) => 'org.rpc.waited_ms' in attributes);
    const names = entered.map(({ attributes }) => String(attributes['rpc.method']).replace('shop/', ''));
    assert.deepEqual(counted(names), scene.ran);
  });

  it('shows deadlines, repeats and hedges as what they were', () => {
    const attempts = collector.of(SpanKind.INTERNAL);
    const perCall = counted(attempts.map((attempt) => attempt.parentSpanContext!.spanId));
    // A stream that no handler has begun goes on elsewhere without a word.
    const feeds = new Set(
      collector
        .of(SpanKind.CLIENT)
        .filter(isFeed)
        .map((span) => span.spanContext().spanId),
    );
    const unary = Object.entries(perCall).filter(([id]) => !feeds.has(id));
    const more = unary.reduce((sum, [, each]) => sum + each - 1, 0);
    assert.equal(more, scene.events['retried']! + scene.events['hedged']!);
    for (const call of collector.of(SpanKind.CLIENT)) {
      const { attributes } = call;
      const isLate = attributes['rpc.status_code'] === 'DEADLINE_EXCEEDED';
      // What a handler passes on is laid at the door of the call that it has made.
      const isPassedOn = /the handler failed: its call of/.test(call.status.message ?? '');
      if (isLate && !isPassedOn && perCall[call.spanContext().spanId] !== undefined)
        assert.ok('org.rpc.culprit' in attributes, call.status.message);
    }
  });

  it('counts in metrics what the spans show, and nothing is in flight', async () => {
    const metrics = exporter.getMetrics().at(-1)!.scopeMetrics[0]!.metrics;
    const ofMeter = (name: string): Counts => {
      const counts: Counts = {};
      for (const { attributes, value } of metrics.find(({ descriptor }) => descriptor.name === name)!.dataPoints)
        counts[named({ attributes })] = typeof value === 'object' && 'count' in value ? value.count : (value as number);
      return counts;
    };
    const ofPrometheus = async (name: string, suffix = ''): Promise<Counts> => {
      const counts: Counts = {};
      for (const { labels, value, metricName = name } of (await register.getSingleMetric(name)!.get()).values as {
        labels: Record<string, string>;
        value: number;
        metricName?: string;
      }[]) {
        const { rpc_method: of = '', rpc_status_code: code = '' } = labels;
        const key = `${of.replace('shop/', '')} ${code}`.trim();
        if (metricName === `${name}${suffix}`) counts[key] = (counts[key] ?? 0) + value;
      }
      return counts;
    };
    const served = counted(collector.of(SpanKind.SERVER).map(named));
    assert.deepEqual(ofMeter('rpc.client.call.duration'), scene.ended);
    assert.deepEqual(ofMeter('rpc.server.call.duration'), served);
    assert.deepEqual(await ofPrometheus('rpc_client_call_duration_seconds', '_count'), scene.ended);
    assert.deepEqual(await ofPrometheus('rpc_server_call_duration_seconds', '_count'), served);
    const attempts = collector.of(SpanKind.INTERNAL).length;
    const sum = (counts: Counts): number => Object.values(counts).reduce((all, one) => all + one, 0);
    assert.equal(sum(ofMeter('org.rpc.client.attempts')), attempts);
    assert.equal(sum(await ofPrometheus('rpc_client_attempts_total')), attempts);
    for (const side of ['client', 'server']) {
      assert.equal(sum(ofMeter(`org.rpc.${side}.calls.active`)), 0);
      assert.equal(sum(await ofPrometheus(`rpc_${side}_calls_active`)), 0);
    }
  });
});
