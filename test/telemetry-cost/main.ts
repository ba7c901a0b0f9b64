// npm run bench:telemetry -- [--tcp] [--rounds N] [--only TEXT]...: what a call costs with traces, with metrics, and with both, as ratios to a call that nobody looks at, in
// interleaved slices of one run: client and server in this process, over the in-memory transport, so that nothing else is measured, or
// with --tcp over a socket, as calls are made. Of what was built: tsx names each function anew when it is made, and that costs time.
import { parseArgs } from 'node:util';
import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { type Client, createClient, createServer, defineService, direct, memory, method, observe } from '@org/rpc';
import { accessLog, openTelemetry, prometheus, rpcMetrics } from '@org/rpc-telemetry';
import { connect } from '@org/rpc-testkit';
import { Registry } from 'prom-client';

const CALLERS = 64;
const SLICE_CALLS = 20_000;
const { values: options } = parseArgs({
  options: {
    tcp: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '11' },
    only: { type: 'string', multiple: true, default: [''] },
  },
});
const ROUNDS = Number(options.rounds);

const Echo = defineService('echo', { echo: method<(value: object) => object>({ idempotent: true }) });
// In memory a slice is one turn of the event loop, which the bound of a turn would take for an overload.
const server = createServer({ registry: memory(), overload: false }).add(Echo, { echo: (value) => value });
// For the same reason no call is given a deadline that it may miss.
const client = options.tcp ? await connectByTcp() : connect(server, { timeoutMs: 60_000 });
const echo = client.service(Echo);
const value = { id: 12_345, name: 'a small object', tags: ['a', 'b', 'c'], nested: { ok: true, ratio: 0.5 } };

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
const meter = new MeterProvider({ readers: [reader] }).getMeter('bench');
const tracer = new BasicTracerProvider().getTracer('bench');
const sampled = new BasicTracerProvider({ sampler: new TraceIdRatioBasedSampler(0.01) }).getTracer('bench');

/** What can be measured: each opens what it needs for one slice. */
const ALL: Readonly<Record<string, () => { close(): void }>> = {
  'nobody looks': () => ({ close: () => {} }),
  'an observer that does nothing': () => observe({ client: () => {}, server: () => {} }),
  'a log of failures': () => accessLog({ write: () => {}, sample: 0 }),
  prometheus: () => prometheus({ register: new Registry() }),
  'OpenTelemetry metrics, rpcMetrics': () => rpcMetrics(),
  'OpenTelemetry metrics, through the API': () => openTelemetry({ tracer: false, meter }),
  'OpenTelemetry traces, 1 % sampled': () => openTelemetry({ tracer: sampled, meter: false }),
  'OpenTelemetry traces, all': () => openTelemetry({ tracer, meter: false }),
  'the same without phases': () => openTelemetry({ tracer, meter: false, phases: false }),
  'OpenTelemetry, both, all, through the API': () => openTelemetry({ tracer, meter }),
};

/** What is measured: that without which there is no ratio, and what has a text of `--only` in its name. */
const KINDS = Object.fromEntries(
  Object.entries(ALL).filter(([kind], index) => index === 0 || options.only.some((text) => kind.includes(text))),
);

const microseconds = new Map<string, number[]>(Object.keys(KINDS).map((kind) => [kind, []]));
for (let round = -1; round < ROUNDS; round++) {
  process.stderr.write(`\r${round < 0 ? 'warming up' : `round ${round + 1} of ${ROUNDS}`}   `);
  for (const [kind, open] of Object.entries(KINDS)) {
    const opened = open();
    const before = process.cpuUsage();
    await slice();
    const { user, system } = process.cpuUsage(before);
    opened.close();
    if (round >= 0) microseconds.get(kind)!.push((user + system) / SLICE_CALLS);
  }
}
await client.close();
await server.close();

const base = microseconds.get('nobody looks')!;
console.log(
  `\rCPU of client and server a call, median of ${ROUNDS} slices of ${SLICE_CALLS} calls each, side by side\n`,
);
console.log('| what looks | microseconds | ratio |\n|---|---|---|');
for (const [kind, times] of microseconds) {
  const ratio = median(times.map((time, round) => time / base[round]!));
  console.log(`| ${kind} | ${median(times).toFixed(2)} | ${ratio.toFixed(2)} |`);
}

async function connectByTcp(): Promise<Client> {
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return createClient({ registry: direct([`127.0.0.1:${port}`]), timeoutMs: 60_000 });
}

async function slice(): Promise<void> {
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (let i = 0; i < SLICE_CALLS / CALLERS; i++) await echo.echo(value);
    }),
  );
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
