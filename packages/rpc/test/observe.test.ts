import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { hasSubscribers } from 'node:diagnostics_channel';
import {
  type AttemptObservation,
  CHANNELS,
  type ClientObservation,
  callContext,
  createClient,
  createServer,
  defineService,
  duplex,
  memory,
  method,
  notify,
  type ObservedClientCall,
  type ObservedServerCall,
  observe,
  RpcError,
  type Server,
  type ServerObservation,
  stream,
  upload,
} from '@org/rpc';
import { connect } from '@org/rpc-testkit';

const Things = defineService('things', {
  echo: method<(value: unknown) => unknown>({ idempotent: true }),
  fail: method<(code: string) => void>({ idempotent: true }),
  throwing: method<() => void>(),
  wait: method<() => void>(),
  metadata: method<() => Record<string, string>>(),
  place: method<() => string | undefined>(),
  tell: notify<(text: string) => void>(),
  count: stream<(to: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => number>(),
  mirror: duplex<(items: AsyncIterable<number>) => AsyncIterable<number>>(),
});

const place = new AsyncLocalStorage<string>();

function thingsServer(): Server {
  const server = createServer({ registry: memory() });
  server.on('handlerError', () => {});
  return server.add(Things, {
    echo: (value) => value,
    fail: (code) => {
      throw new RpcError(code as 'NOT_FOUND', 'as asked');
    },
    throwing: () => {
      throw new Error('a secret');
    },
    wait: () =>
      new Promise<void>((resolve) => {
        callContext()?.signal.addEventListener('abort', () => resolve());
      }),
    metadata: () => ({ ...callContext()?.metadata }),
    place: () => place.getStore(),
    tell: () => {},
    count: async function* (to) {
      for (let i = 0; i < to; i++) yield i;
    },
    sum: async (items) => {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    },
    mirror: async function* (items) {
      yield* items;
    },
  });
}

/** Records what is told until the end of a test. */
function record(): { client: (ClientObservation | AttemptObservation)[]; server: ServerObservation[] } {
  const told = { client: [] as (ClientObservation | AttemptObservation)[], server: [] as ServerObservation[] };
  watching = observe({
    client: (one) => told.client.push(one),
    attempt: (one) => told.client.push(one),
    server: (one) => told.server.push(one),
  });
  return told;
}

const types = (told: readonly { type: string }[]): string[] =>
  told.map(({ type }) => type).filter((t) => t !== 'event');
const clientCall = (told: readonly (ClientObservation | AttemptObservation)[]): ObservedClientCall =>
  (told.find(({ type }) => type === 'callEnd') as { call: ObservedClientCall }).call;
const serverCall = (told: readonly ServerObservation[]): ObservedServerCall =>
  (told.find(({ type }) => type === 'callEnd') as { call: ObservedServerCall }).call;

let watching: { close(): void } | undefined;

describe('observe', () => {
  afterEach(() => {
    watching?.close();
    watching = undefined;
  });

  it('tells of a call on both sides, with its attempt, and where its time went', async () => {
    const client = connect(thingsServer());
    const told = record();
    assert.equal(await client.service(Things).echo('a'), 'a');
    assert.deepEqual(types(told.client), ['callStart', 'attemptStart', 'attemptEnd', 'callEnd']);
    assert.deepEqual(types(told.server), ['callStart', 'callEnd']);
    const call = clientCall(told.client);
    assert.deepEqual(
      [call.version, call.service, call.method, call.kind, call.error, call.endpoint],
      [1, 'things', 'echo', 'unary', undefined, 'memory:1'],
    );
    const [attempt] = call.attempts;
    assert.equal(call.attempts.length, 1);
    const times = [0, attempt!.startMs, attempt!.sentMs!, attempt!.endMs!, call.durationMs!];
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    const served = serverCall(told.server);
    assert.deepEqual([served.method, served.attempt, served.error], ['echo', 0, undefined]);
    assert.ok(served.timeoutMs > 0 && served.timeoutMs <= 1_000);
    assert.ok(served.waitedMs! >= 0 && served.waitedMs! <= served.durationMs!);
    await client.close();
  });

  it('tells of failures as the two sides know them', async () => {
    const client = connect(thingsServer());
    const things = client.service(Things);
    const told = record();
    await assert.rejects(things.fail('NOT_FOUND'), { code: 'NOT_FOUND' });
    assert.deepEqual(
      [clientCall(told.client).error?.code, clientCall(told.client).attempts[0]?.error?.code],
      ['NOT_FOUND', 'NOT_FOUND'],
    );
    assert.equal(serverCall(told.server).error?.code, 'NOT_FOUND');
    told.server.length = 0;
    await assert.rejects(things.throwing(), { code: 'INTERNAL' });
    assert.equal(serverCall(told.server).error?.code, 'INTERNAL');
    const events = told.server.flatMap((one) => (one.type === 'event' ? [one.name] : []));
    assert.ok(events.includes('handlerError'));
    await client.close();
  });

  it('tells of calls that nobody waits for to the end', async () => {
    const client = connect(thingsServer());
    const told = record();
    const controller = new AbortController();
    const waiting = client.service(Things).with({ signal: controller.signal }).wait();
    setImmediate(() => controller.abort());
    await assert.rejects(waiting, { code: 'CANCELLED' });
    while (!types(told.server).includes('callEnd')) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(clientCall(told.client).error?.code, 'CANCELLED');
    assert.equal(serverCall(told.server).error?.code, 'CANCELLED');
    await client.close();
  });

  it('has every attempt of a call, and a refusal of the client without any', async () => {
    const client = createClient({ registry: memory(), timeoutMs: 20 });
    const told = record();
    await assert.rejects(client.service(Things).echo(1));
    const refused = clientCall(told.client);
    assert.ok(refused.error !== undefined);
    assert.ok(refused.attempts.every(({ sentMs, endpoint }) => sentMs === undefined && endpoint === undefined));
    await client.close();

    let runs = 0;
    const server = createServer().add(Things, {
      ...Object.fromEntries(Object.keys(Things.methods).map((name) => [name, () => undefined])),
      echo: () => {
        if (runs++ < 1) throw new RpcError('UNAVAILABLE', 'not now', { progress: 'refused' } as never);
        return 'later';
      },
    } as never);
    const retrying = connect(server);
    told.client.length = 0;
    assert.equal(await retrying.service(Things).echo(1), 'later');
    const { attempts, error } = clientCall(told.client);
    assert.equal(error, undefined);
    assert.deepEqual(
      attempts.map(({ number, error: failed }) => [number, failed?.code]),
      [
        [0, 'UNAVAILABLE'],
        [1, undefined],
      ],
    );
    await retrying.close();
  });

  it('counts the items of streams on both sides', async () => {
    const client = connect(thingsServer());
    const things = client.service(Things);
    const told = record();
    const counted = async (run: () => Promise<unknown>): Promise<unknown[]> => {
      told.client.length = 0;
      told.server.length = 0;
      await run();
      while (!types(told.server).includes('callEnd')) await new Promise((resolve) => setImmediate(resolve));
      const [here, there] = [clientCall(told.client), serverCall(told.server)];
      assert.deepEqual([here.sent, here.received].map(Boolean), [here.kind !== 'stream', true]);
      assert.deepEqual([there.sent, there.received].map(Boolean), [true, here.kind !== 'stream']);
      const { firstMs = -1, awaitedMs, heldMs } = here.received!;
      assert.ok(firstMs >= 0 && awaitedMs + heldMs <= here.durationMs! + 0.01, `${firstMs} ${awaitedMs} ${heldMs}`);
      return [here.kind, here.itemsSent, here.itemsReceived, there.itemsSent, there.itemsReceived, here.error];
    };
    assert.deepEqual(await counted(() => all(things.count(3))), ['stream', 0, 3, 3, 0, undefined]);
    assert.deepEqual(await counted(() => things.sum(numbers(4))), ['upload', 4, 1, 1, 4, undefined]);
    assert.deepEqual(await counted(() => all(things.mirror(numbers(2)))), ['duplex', 2, 2, 2, 2, undefined]);
    const early = await counted(async () => {
      for await (const _ of things.count(1_000_000)) break;
    });
    assert.deepEqual([early[0], early[2], early[5]], ['stream', 1, undefined]);
    await client.close();
  });

  it('lets an observer send metadata, and set up surroundings that layers, handlers and generators run in', async () => {
    const server = createServer({ registry: memory() });
    server.add(Things, {
      ...Object.fromEntries(Object.keys(Things.methods).map((name) => [name, () => undefined])),
      metadata: () => ({ ...callContext()?.metadata }),
      place: async () => {
        await Promise.resolve();
        return place.getStore();
      },
      count: async function* () {
        yield place.getStore() === 'inside' ? 1 : 0;
      },
    } as never);
    const client = connect(server);
    watching = observe({
      client(told) {
        if (told.type === 'callStart') told.call.setMetadata('traceparent', 'of the call');
      },
      attempt(told) {
        if (told.type === 'attemptStart') told.call.setMetadata('attempt', String(told.attempt.number));
      },
      server(told) {
        if (told.type !== 'callStart') return;
        told.call.enterWith((run) => place.run('outside', run));
        told.call.enterWith((run) => place.run('inside', run));
      },
    });
    const things = client.service(Things).with({ metadata: { traceparent: 'of the caller', own: 'kept' } });
    assert.deepEqual(await things.metadata(), { traceparent: 'of the call', own: 'kept', attempt: '0' });
    assert.equal(await things.place(), 'inside');
    assert.deepEqual(await all(things.count(1)), [1]);
    await client.close();
  });

  it('makes nothing when nobody listens, and stops when it is closed', async () => {
    const client = connect(thingsServer());
    const told = record();
    watching?.close();
    watching?.close();
    assert.equal(await client.service(Things).echo(1), 1);
    assert.deepEqual([told.client, told.server], [[], []]);
    assert.deepEqual([hasSubscribers(CHANNELS.client), hasSubscribers(CHANNELS.server)], [false, false]);
    await client.close();
  });

  it('tells of a one-way call when it was written, and of a listener that comes in the middle of a call nothing', async () => {
    const client = connect(thingsServer());
    const things = client.service(Things);
    const early = things.echo(1);
    const told = record();
    await early;
    assert.deepEqual(types(told.client), []);
    await things.tell('a');
    assert.deepEqual(types(told.client), ['callStart', 'attemptStart', 'attemptEnd', 'callEnd']);
    assert.deepEqual([clientCall(told.client).oneWay, clientCall(told.client).kind], [true, 'notify']);
    await client.close();
  });
});

async function* numbers(to: number): AsyncIterable<number> {
  for (let i = 0; i < to; i++) yield i;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}
