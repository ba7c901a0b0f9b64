import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { CHANNELS, createClient, defineService, direct, method, type RpcError } from '@org/rpc';
import { type Rig, startRig } from '../test/rig.js';
import { openTelemetry } from './open-telemetry.js';

const exporter = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('test');

let rig: Rig;
let watching: { close(): void } | undefined;

const spans = (kind: SpanKind): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.kind === kind);
const span = (kind: SpanKind): ReadableSpan => {
  const all = spans(kind);
  assert.equal(all.length, 1, `spans: ${exporter.getFinishedSpans().map(({ name }) => name)}`);
  return all[0]!;
};

describe('openTelemetry', () => {
  before(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    rig = await startRig();
  });

  after(async () => {
    await rig.close();
    context.disable();
    propagation.disable();
  });

  beforeEach(() => {
    exporter.reset();
  });

  afterEach(() => {
    watching?.close();
    watching = undefined;
  });

  it('makes one trace of caller, client, server and what the handler does', async () => {
    watching = openTelemetry({ tracer, meter: false });
    await tracer.startActiveSpan('page', async (page) => {
      assert.equal(await rig.things.nested('x', () => tracer.startSpan('inside').end()), 'x');
      page.end();
    });
    await rig.settled();
    const [client, server] = [span(SpanKind.CLIENT), span(SpanKind.SERVER)];
    const named = (name: string) => exporter.getFinishedSpans().find((one) => one.name === name)!;
    assert.equal(client.parentSpanContext?.spanId, named('page').spanContext().spanId);
    assert.equal(server.parentSpanContext?.spanId, client.spanContext().spanId);
    assert.equal(named('inside').parentSpanContext?.spanId, server.spanContext().spanId);
    assert.equal(new Set(exporter.getFinishedSpans().map((one) => one.spanContext().traceId)).size, 1);
    assert.equal(client.name, 'things/ran');
    const { attributes } = client;
    assert.deepEqual(
      [
        attributes['rpc.system.name'],
        attributes['rpc.method'],
        attributes['rpc.status_code'],
        attributes['error.type'],
      ],
      ['org_rpc', 'things/ran', 'OK', undefined],
    );
    assert.deepEqual(
      [client, server].map((one) => one.attributes['org.rpc.client.name']),
      ['tests', 'tests'],
    );
    assert.deepEqual([attributes['server.address'], attributes['server.port']], ['127.0.0.1', rig.port]);
    assert.equal(client.status.code, SpanStatusCode.UNSET);
  });

  it('says of failures which, and of a server only what is its own', async () => {
    watching = openTelemetry({ tracer, meter: false });
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    await rig.settled();
    assert.deepEqual(
      [span(SpanKind.CLIENT).status.code, span(SpanKind.CLIENT).attributes['error.type']],
      [SpanStatusCode.ERROR, 'NOT_FOUND'],
    );
    assert.deepEqual(
      [span(SpanKind.SERVER).status.code, span(SpanKind.SERVER).attributes['rpc.status_code']],
      [SpanStatusCode.UNSET, 'NOT_FOUND'],
    );
    exporter.reset();
    await assert.rejects(rig.things.fail('bug'));
    await rig.settled();
    assert.equal(span(SpanKind.SERVER).status.code, SpanStatusCode.ERROR);
    assert.equal(span(SpanKind.SERVER).attributes['error.type'], 'INTERNAL');
  });

  it('says of a call that had no time left what was at fault, and where its time went', async () => {
    watching = openTelemetry({ tracer, meter: false });
    const error = await rig.things.late().catch((thrown: RpcError) => thrown);
    await rig.settled();
    const { spent, timeLimit } = error as RpcError;
    const { attributes } = span(SpanKind.CLIENT);
    assert.equal(attributes['rpc.status_code'], 'DEADLINE_EXCEEDED');
    assert.equal(attributes['org.rpc.culprit'], spent?.culprit);
    assert.equal(attributes[`org.rpc.spent.${spent!.culprit}_ms`], spent?.phases[spent.culprit]);
    assert.equal(timeLimit?.text, 'the timeoutMs of the call');
    assert.deepEqual(
      ['option', 'set_by'].map((name) => attributes[`org.rpc.time_limit.${name}`]),
      ['timeoutMs', 'call'],
    );
    assert.equal(attributes['org.rpc.time_limit_ms'], 40);
    const server = span(SpanKind.SERVER);
    const leftMs = Number(server.attributes['org.rpc.time_limit_ms']);
    assert.ok(leftMs > 0 && leftMs <= 40, `${leftMs}`);
    assert.deepEqual(
      ['rpc.status_code', 'org.rpc.time_limit.set_by', 'org.rpc.instance'].map((name) => server.attributes[name]),
      ['DEADLINE_EXCEEDED', 'caller', rig.server.instance],
    );
    assert.match(server.status.message!, /the caller's deadline has passed: it had \d+ ms left when it came/);
  });

  it('says for which call a handler has waited that had no time left', async () => {
    watching = openTelemetry({ tracer, meter: false });
    const error = (await rig.things.lateBelow().catch((thrown: unknown) => thrown)) as RpcError;
    await rig.settled();
    const attributes = spans(SpanKind.CLIENT).find(({ name }) => name === 'things/lateBelow')!.attributes;
    const { culprit, downstream, instance } = error.spent!;
    // On a busy machine it may have been something else.
    assert.deepEqual(
      ['', '.downstream', '.instance'].map((name) => attributes[`org.rpc.culprit${name}`]),
      [culprit, downstream && `${downstream.service}/${downstream.method}`, instance],
    );
    const server = spans(SpanKind.SERVER).find(({ name }) => name === 'things/lateBelow')!;
    assert.equal(server.attributes['rpc.status_code'], 'DEADLINE_EXCEEDED');
  });

  it('says of a served call that a call of its handler has ended whose time that was', async () => {
    watching = openTelemetry({ tracer, meter: false });
    await assert.rejects(rig.things.lateHop(), { code: 'DEADLINE_EXCEEDED' });
    await rig.settled();
    const { attributes } = spans(SpanKind.SERVER).find(({ name }) => name === 'things/lateHop')!;
    assert.deepEqual(
      ['_ms', '.option', '.set_by', '.of'].map((name) => attributes[`org.rpc.time_limit${name}`]),
      [20, 'timeoutMs', 'call', 'downstream'],
    );
  });

  it('says of a call that a limit has refused which, who has set it, and that it was not sent', async () => {
    watching = openTelemetry({ tracer, meter: false });
    await using client = createClient({
      registry: direct([`127.0.0.1:${rig.port}`]),
      rateLimit: { perSecond: 1, burst: 1, wait: false },
    });
    const things = client.service(defineService('things', { echo: method<(value: unknown) => unknown>() }));
    const calls = await Promise.allSettled([things.echo(1), things.echo(2)]);
    assert.deepEqual(
      calls.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    await rig.settled();
    const { attributes } = spans(SpanKind.CLIENT).find((one) => one.attributes['error.type'] === 'RESOURCE_EXHAUSTED')!;
    assert.deepEqual(
      ['progress', 'limit.policy', 'limit.set_by', 'limit.rules_version'].map((name) => attributes[`org.rpc.${name}`]),
      ['unsent', 'rateLimit', 'options', undefined],
    );
  });

  it('says of a call that went well how long the network, the queue and the handler of its server took', async () => {
    watching = openTelemetry({ tracer, meter: false });
    await rig.things.echo(1);
    await rig.settled();
    const { attributes, duration } = span(SpanKind.CLIENT);
    const phases = ['network', 'queue', 'handler'].map((phase) => Number(attributes[`org.rpc.${phase}_ms`]));
    assert.ok(
      phases.every((ms) => ms >= 0),
      phases.join(),
    );
    const spanMs = duration[0] * 1_000 + duration[1] / 1_000_000;
    assert.ok(phases.reduce((sum, ms) => sum + ms, 0) <= spanMs + 0.01);
    watching.close();
    exporter.reset();
    watching = openTelemetry({ tracer, meter: false, phases: false });
    await rig.things.echo(1);
    await rig.settled();
    assert.equal(span(SpanKind.CLIENT).attributes['org.rpc.handler_ms'], undefined);
  });

  it('covers all attempts with one span, which has them as events', async () => {
    watching = openTelemetry({ tracer, meter: false });
    rig.failures = 2;
    assert.equal(await rig.things.flaky(), 'at last');
    await rig.settled();
    const client = span(SpanKind.CLIENT);
    assert.deepEqual(
      client.events.map(({ name, attributes }) => [name, attributes?.['rpc.status_code']]),
      [
        ['attempt', 'UNAVAILABLE'],
        ['attempt', 'UNAVAILABLE'],
        ['attempt', 'OK'],
      ],
    );
    for (const { attributes } of client.events) {
      assert.ok(Number(attributes?.['org.rpc.pick_ms']) >= 0 && Number(attributes?.['org.rpc.handler_ms']) >= 0);
      assert.equal(attributes?.['org.rpc.instance'], `127.0.0.1:${rig.port}`);
    }
    assert.deepEqual([client.attributes['org.rpc.attempts'], spans(SpanKind.SERVER).length], [3, 3]);
    for (const server of spans(SpanKind.SERVER))
      assert.equal(server.parentSpanContext?.spanId, client.spanContext().spanId);
  });

  it('says that an attempt was the trial of an instance, and what one that was never sent has waited for', () => {
    watching = openTelemetry({ tracer, meter: false });
    const unsent = { number: 0, startMs: 2, endMs: 52, phases: { connection: 50 }, error: { code: 'UNAVAILABLE' } };
    const trial = { fault: 'ejected', forMs: 12_000 };
    const late = { number: 1, startMs: 60, sentMs: 61, endMs: 90, endpoint: 'h:1', instance: 'a', trial };
    const told = { service: 'things', method: 'echo', startedAt: 0, durationMs: 100, itemsSent: 0, itemsReceived: 0 };
    const methods = { setMetadata: () => {}, askServer: () => {} };
    const call = { ...told, ...methods, side: 'client', endpoint: 'h:1', instance: 'a', attempts: [unsent, late] };
    channel(CHANNELS.client).publish({ type: 'callStart', call });
    channel(CHANNELS.client).publish({ type: 'callEnd', call });
    const { attributes, events } = span(SpanKind.CLIENT);
    const [first, second] = events.map((event) => event.attributes!);
    assert.deepEqual(
      [first!['org.rpc.connection_ms'], first!['org.rpc.pick_ms'], first!['org.rpc.trial']],
      [50, 50, undefined],
    );
    for (const has of [attributes, second!])
      assert.deepEqual(
        ['instance', 'trial', 'trial.after_ms', 'pick_ms'].map((name) => has[`org.rpc.${name}`]),
        ['a', 'ejected', 12_000, 1],
      );
    exporter.reset();
    const refused = { ...call, attempts: [], endpoint: undefined, instance: undefined };
    channel(CHANNELS.client).publish({ type: 'callStart', call: refused });
    channel(CHANNELS.client).publish({ type: 'callEnd', call: refused });
    assert.equal(span(SpanKind.CLIENT).attributes['org.rpc.limited_ms'], 100);
  });

  it('shows attempts as spans where that is asked for: each the parent of its server', async () => {
    watching = openTelemetry({ tracer, meter: false, attempts: 'spans' });
    rig.failures = 1;
    assert.equal(await rig.things.flaky(), 'at last');
    await rig.settled();
    const client = span(SpanKind.CLIENT);
    const attempts = spans(SpanKind.INTERNAL);
    assert.deepEqual(
      attempts.map((one) => [one.name, one.parentSpanContext?.spanId === client.spanContext().spanId, one.status.code]),
      [
        ['attempt 0', true, SpanStatusCode.ERROR],
        ['attempt 1', true, SpanStatusCode.UNSET],
      ],
    );
    assert.deepEqual(
      spans(SpanKind.SERVER).map((one) => one.parentSpanContext?.spanId),
      attempts.map((one) => one.spanContext().spanId),
    );
  });

  it('has a span for a stream as long as it lasts, in whose context the generator runs', async () => {
    watching = openTelemetry({ tracer, meter: false });
    const taken: string[] = [];
    for await (const item of rig.things.traceIds(3)) taken.push(item);
    await rig.settled();
    const [client, server] = [span(SpanKind.CLIENT), span(SpanKind.SERVER)];
    assert.deepEqual(
      taken,
      Array.from({ length: 3 }, () => server.spanContext().spanId),
    );
    assert.deepEqual([client.attributes['org.rpc.items.received'], server.attributes['org.rpc.items.sent']], [3, 3]);
    const has = ({ attributes }: ReadableSpan, names: readonly string[]): boolean[] =>
      names.map((name) => Number(attributes[`org.rpc.items.${name}_ms`]) >= 0);
    const names = ['first_received', 'awaited', 'reader', 'first_sent', 'source', 'credit'];
    assert.deepEqual(has(client, names), [true, true, true, false, false, false]);
    assert.deepEqual(has(server, names), [false, false, false, true, true, true]);
    assert.equal(server.parentSpanContext?.spanId, client.spanContext().spanId);
  });

  it('traces the calls that a handler makes below its own span', async () => {
    watching = openTelemetry({ tracer, meter: false });
    assert.equal(await rig.things.through('y'), 'y');
    await rig.settled();
    const [outer, inner] = ['things/through', 'things/echo'];
    const of = (name: string, kind: SpanKind) => spans(kind).find((one) => one.name === name)!;
    assert.equal(
      of(inner!, SpanKind.CLIENT).parentSpanContext?.spanId,
      of(outer!, SpanKind.SERVER).spanContext().spanId,
    );
    assert.equal(
      of(inner!, SpanKind.SERVER).parentSpanContext?.spanId,
      of(inner!, SpanKind.CLIENT).spanContext().spanId,
    );
  });

  it('counts and measures by the names of the conventions, as many as there were', async () => {
    const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 2 ** 30 });
    const provider = new MeterProvider({ readers: [reader] });
    watching = openTelemetry({ tracer: false, meter: provider.getMeter('test'), methods: 2 });
    for (let i = 0; i < 5; i++) await rig.things.echo(i);
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    rig.failures = 1;
    await rig.things.flaky();
    await rig.settled();
    await reader.forceFlush();
    const metrics = metricExporter.getMetrics().at(-1)!.scopeMetrics[0]!.metrics;
    const points = (name: string) =>
      Object.fromEntries(
        metrics
          .find(({ descriptor }) => descriptor.name === name)!
          .dataPoints.map(({ attributes, value }) => [
            `${attributes['rpc.method'] ?? attributes['event']} ${attributes['rpc.status_code'] ?? ''}`.trim(),
            typeof value === 'object' && 'count' in value ? value.count : value,
          ]),
      );
    assert.deepEqual(points('rpc.client.call.duration'), {
      'things/echo OK': 5,
      'things/fail NOT_FOUND': 1,
      '_OTHER OK': 1,
    });
    assert.deepEqual(points('rpc.server.call.duration'), {
      'things/echo OK': 5,
      'things/fail NOT_FOUND': 1,
      '_OTHER OK': 1,
      '_OTHER UNAVAILABLE': 1,
    });
    assert.deepEqual(points('org.rpc.client.attempts'), {
      'things/echo OK': 5,
      'things/fail NOT_FOUND': 1,
      '_OTHER OK': 1,
      '_OTHER UNAVAILABLE': 1,
    });
    assert.equal(points('org.rpc.events')['retried'], 1);
    assert.ok(Object.values(points('org.rpc.client.calls.active')).every((value) => value === 0));
    const duration = metrics.find(({ descriptor }) => descriptor.name === 'rpc.client.call.duration')!.descriptor;
    assert.equal(duration.unit, 's');
    await provider.shutdown();
  });

  it('says which option is wrong', () => {
    assert.throws(() => openTelemetry({ attempts: 'all' as never }), /attempts must be 'events' or 'spans', not all/);
    assert.throws(() => openTelemetry({ methods: 0 }), /methods must be a whole number of at least 1, not 0/);
    assert.ok(trace.getTracer('x') !== undefined);
  });
});
