import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { CHANNELS, RpcError } from '@org/rpc';
import { type Rig, startRig } from '../test/rig.js';
import { openTelemetry } from './open-telemetry.js';
import { type RpcMetrics, rpcMetrics } from './rpc-metrics.js';

let rig: Rig;
const closing: (() => unknown)[] = [];

/** A reader of its own provider, with what it has exported. */
function readerOf(...metricProducers: MetricProducer[]) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30, metricProducers });
  const provider = new MeterProvider({ readers: [reader] });
  closing.push(() => provider.shutdown());
  const read = async (): Promise<ScopeMetrics[]> => {
    await reader.forceFlush();
    // Nothing at all is not exported.
    return exporter.getMetrics().at(-1)?.scopeMetrics ?? [];
  };
  return { provider, read };
}

function producer(...options: Parameters<typeof rpcMetrics>): RpcMetrics {
  const metrics = rpcMetrics(...options);
  closing.push(() => metrics.close());
  return metrics;
}

const nameOf = (attributes: Attributes): string => JSON.stringify(Object.entries(attributes).sort());

/** All that an exporter sees of the metrics, without times. */
function seen(scopes: readonly ScopeMetrics[]): unknown {
  return scopes.map(({ scope: { name, version }, metrics }) => ({
    scope: [name, version],
    metrics: Object.fromEntries(
      metrics.map((metric) => {
        const { descriptor, dataPoints, ...kind } = metric;
        const { name: metricName, description, unit, valueType } = descriptor;
        const points = (dataPoints as MetricData['dataPoints'][number][]).map(
          ({ attributes, value }) => [nameOf(attributes), value] as const,
        );
        return [metricName, { description, unit, valueType, ...kind, points: Object.fromEntries(points) }];
      }),
    ),
  }));
}

function pointsOf(scopes: readonly ScopeMetrics[], name: string): MetricData['dataPoints'][number][] {
  return scopes[0]?.metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
}

/** Tells of a call of a client as if there had been one. */
function tell(type: 'callStart' | 'callEnd', durationMs?: number, error?: RpcError): void {
  const attempts = [{ number: 1, startMs: 0, endMs: durationMs, error }];
  const call = { side: 'client', service: 'fake', method: 'call', durationMs, error, attempts };
  channel(CHANNELS.client).publish({ type, call });
}

describe('rpcMetrics', () => {
  before(async () => {
    rig = await startRig();
  });

  after(() => rig.close());

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  it('gives a reader what the meter of the API gives it', async () => {
    const byApi = readerOf();
    const watching = openTelemetry({ tracer: false, meter: byApi.provider.getMeter('@org/rpc'), methods: 5 });
    closing.push(() => watching.close());
    const byProducer = readerOf(producer({ methods: 5 }));
    for (let i = 0; i < 5; i++) await rig.things.echo(i);
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    await assert.rejects(rig.things.fail('bug'));
    rig.failures = 1;
    await rig.things.flaky();
    for await (const _ of rig.things.traceIds(4)) void 0;
    // Each bound belongs to the bucket below it.
    for (const ms of [0, 5, 5.001, 4_999, 10_000, 10_001, 60_000]) {
      tell('callStart');
      tell('callEnd', ms, ms === 60_000 ? new RpcError('DEADLINE_EXCEEDED', 'late') : undefined);
    }
    // One that has not ended.
    tell('callStart');
    // Methods beyond the bound.
    assert.equal(await rig.things.through('x'), 'x');
    assert.equal(await rig.things.nested('x', () => {}), 'x');
    await rig.settled();
    const [api, own] = [await byApi.read(), await byProducer.read()];
    assert.deepEqual(seen(own), seen(api));
    // All kinds were there.
    assert.equal(own[0]!.metrics.length, 6);
    const failures = pointsOf(own, 'rpc.server.call.duration').map(({ attributes }) => attributes['error.type']);
    assert.deepEqual(new Set(failures), new Set([undefined, 'INTERNAL', 'UNAVAILABLE']));
    const methods = pointsOf(own, 'org.rpc.client.attempts').map(({ attributes }) => attributes['rpc.method']);
    assert.ok(methods.includes('_OTHER') && new Set(methods).size === 6, String(methods));
    const active = pointsOf(own, 'org.rpc.client.calls.active').map(({ value }) => value as number);
    assert.equal(Math.max(...active), 1);
  });

  it('counts on since one start, gives each reader all, and changes nothing that was given', async () => {
    let now = 1_000_500;
    const metrics = producer({ clock: { wallNow: () => now } });
    const [one, other] = [readerOf(metrics), readerOf(metrics)];
    tell('callStart');
    tell('callEnd', 7);
    now += 1_250;
    const first = pointsOf(await one.read(), 'rpc.client.call.duration')[0]!;
    tell('callStart');
    tell('callEnd', 9);
    now += 1_000;
    const second = pointsOf(await one.read(), 'rpc.client.call.duration')[0]!;
    assert.deepEqual(
      [first, second].map(({ startTime, endTime }) => [startTime, endTime]),
      [
        [
          [1_000, 500_000_000],
          [1_001, 750_000_000],
        ],
        [
          [1_000, 500_000_000],
          [1_002, 750_000_000],
        ],
      ],
    );
    const counts = ({ value }: typeof first) => [(value as { count: number }).count, (value as { max: number }).max];
    assert.deepEqual([first, second].map(counts), [
      [1, 0.007],
      [2, 0.009],
    ]);
    assert.deepEqual(pointsOf(await other.read(), 'rpc.client.call.duration').map(counts), [[2, 0.009]]);
  });

  it('has nothing to tell before the first call', async () => {
    assert.deepEqual(await readerOf(producer()).read(), []);
  });

  it('stops when it is closed, and what was counted is still there for the last flush', async () => {
    const metrics = producer();
    const { read } = readerOf(metrics);
    tell('callStart');
    tell('callEnd', 7);
    tell('callStart');
    metrics.close();
    metrics.close();
    tell('callEnd', 7);
    const scopes = await read();
    assert.equal((pointsOf(scopes, 'rpc.client.call.duration')[0]!.value as { count: number }).count, 1);
    assert.deepEqual(
      pointsOf(scopes, 'org.rpc.client.attempts').map(({ value }) => value),
      [1],
    );
    assert.deepEqual(pointsOf(scopes, 'org.rpc.client.calls.active'), []);
  });

  it('counts nothing twice beside the traces alone', async () => {
    const { provider, read } = readerOf(producer());
    const watching = openTelemetry({ tracer: false, meter: false });
    provider.getMeter('other').createCounter('others').add(1);
    tell('callStart');
    tell('callEnd', 7);
    watching.close();
    const names = (await read()).flatMap(({ metrics }) => metrics.map(({ descriptor }) => descriptor.name));
    assert.deepEqual(names, [
      'others',
      'rpc.client.call.duration',
      'org.rpc.client.calls.active',
      'org.rpc.client.attempts',
    ]);
  });

  it('has the buckets that it was told', async () => {
    const { read } = readerOf(producer({ buckets: [0.001, 0.002] }));
    for (const ms of [1, 1.5, 3, 4]) tell('callEnd', ms);
    const { value } = pointsOf(await read(), 'rpc.client.call.duration')[0]!;
    assert.deepEqual((value as { buckets: object }).buckets, { boundaries: [0.001, 0.002], counts: [1, 1, 2] });
  });

  it('says which option is wrong', () => {
    assert.throws(() => rpcMetrics({ methods: 0 }), /rpcMetrics: methods must be a whole number of at least 1, not 0/);
    assert.throws(
      () => rpcMetrics({ buckets: [2, 1] }),
      /rpcMetrics: buckets must be rising numbers above 0, not \[2,1\]/,
    );
    assert.throws(() => rpcMetrics({ buckets: [] }), /rpcMetrics: buckets must be rising numbers above 0, not \[\]/);
  });
});
