import { trace } from '@opentelemetry/api';
import {
  type Client,
  callContext,
  createClient,
  createServer,
  defineService,
  direct,
  memory,
  method,
  RpcError,
  type Server,
  stream,
} from '@org/rpc';

const Things = defineService('things', {
  echo: method<(value: unknown) => unknown>({ idempotent: true }),
  fail: method<(code: string) => void>(),
  flaky: method<() => string>({ idempotent: true }),
  ran: method<(value: string) => string>(),
  through: method<(value: string) => string>(),
  late: method<() => Promise<void>>(),
  lateBelow: method<() => Promise<void>>(),
  lateHop: method<() => Promise<void>>(),
  traceIds: stream<(count: number) => AsyncIterable<string>>(),
  caller: method<() => string>(),
});

/** A server on a socket with a client of it, and what their handlers have to do. */
export interface Rig {
  readonly client: Client;
  readonly server: Server;
  readonly port: number;
  /** How many of the next calls of `flaky` fail. */
  failures: number;
  readonly things: {
    echo(value: unknown): Promise<unknown>;
    fail(code: string): Promise<unknown>;
    flaky(): Promise<string>;
    /** Runs `inside` in the handler. */
    nested(value: string, inside: () => void): Promise<string>;
    /** Calls `echo` from the handler. */
    through(value: string): Promise<string>;
    /** Takes so long that the call runs out of its 40 ms. */
    late(): Promise<unknown>;
    /** The same, since its handler waits for `late`. */
    lateBelow(): Promise<unknown>;
    /** Has time enough, but its handler's call of `late` has 20 ms. */
    lateHop(): Promise<unknown>;
    /** The id of the span that is active as each item is made. */
    traceIds(count: number): AsyncIterable<string>;
  };
  /** No handler runs any more, and what its end tells was told. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Starts both. */
export async function startRig(): Promise<Rig> {
  let inside: (() => void) | undefined;
  const server = createServer({ registry: memory() });
  server.on('handlerError', () => {});
  server.add(Things, {
    echo: (value) => value,
    fail: (code) => {
      throw code === 'bug' ? new Error('a bug') : new RpcError(code as 'NOT_FOUND', 'as asked');
    },
    flaky: () => {
      if (rig.failures-- > 0) throw new RpcError('UNAVAILABLE', 'not now');
      return 'at last';
    },
    ran: async (value) => {
      await Promise.resolve();
      inside?.();
      return value;
    },
    through: (value) => stub.echo(value) as Promise<string>,
    late: () => new Promise((resolve) => setTimeout(resolve, 150)),
    lateBelow: () => stub.late(),
    lateHop: () => stub.with({ timeoutMs: 20 }).late(),
    traceIds: async function* (count) {
      for (let i = 0; i < count; i++) yield trace.getActiveSpan()?.spanContext().spanId ?? 'none';
    },
    caller: () => callContext()?.peer.address ?? '',
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const client = createClient({ name: 'tests', registry: direct([`127.0.0.1:${port}`]) });
  const stub = client.service(Things);
  await client.ready(Things);
  const rig: Rig = {
    client,
    server,
    port,
    failures: 0,
    things: {
      echo: (value) => stub.echo(value) as Promise<unknown>,
      fail: (code) => stub.fail(code),
      flaky: () => stub.flaky(),
      nested: async (value, run) => {
        inside = run;
        return await stub.ran(value);
      },
      through: (value) => stub.through(value),
      late: () => stub.with({ timeoutMs: 40 }).late(),
      lateBelow: () => stub.with({ timeoutMs: 40 }).lateBelow(),
      lateHop: () => stub.with({ timeoutMs: 60_000 }).lateHop(),
      traceIds: (count) => stub.traceIds(count),
    },
    settled: async () => {
      while (server.running > 0) await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    },
    close: async () => {
      await client.close();
      await server.close({ drainMs: 0, graceMs: 0 });
    },
  };
  return rig;
}
