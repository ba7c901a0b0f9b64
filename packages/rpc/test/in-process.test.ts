import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClientOptions,
  callContext,
  createClient,
  createServer,
  defineService,
  isRpcError,
  local,
  memory,
  messagePackRpc,
  method,
  notify,
  RpcError,
  type Server,
  type ServerOptions,
  type ServiceHandlers,
  stream,
  upload,
} from '@org/rpc';

const Shop = defineService('shop', {
  echo: method<(value?: unknown) => unknown>(),
  slow: method<() => Promise<unknown>>({ timeoutMs: 50 }),
  fail: method<(how: string) => void>(),
  tell: notify<(event: unknown) => void>(),
  orders: stream<(limit: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => Promise<number>>(),
});

const never = (): Promise<never> => new Promise(() => {});

function aServer(options: ServerOptions = {}, handlers: Partial<ServiceHandlers<typeof Shop>> = {}): Server {
  const server = createServer({ registry: memory(), ...options });
  server.on('handlerError', () => {});
  return server.add(Shop, {
    echo: (...values) => values[0],
    slow: never,
    fail(how) {
      throw how === 'known' ? new RpcError('NOT_FOUND', 'no such order') : new Error('a secret');
    },
    tell: () => {},
    async *orders(limit) {
      for (let i = 0; i < limit; i++) yield i;
    },
    async sum(items) {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    },
    ...handlers,
  });
}

const call = (server: Server, options: ClientOptions = {}) => createClient({ server, ...options });

describe('a client in the process of its server', () => {
  it('calls without a socket a server that does not listen, and gets copies', async () => {
    await using server = aServer();
    await using client = call(server);
    const sent = { list: [1, new Date(5)] };
    const shop = client.service(Shop);
    const got = await shop.echo(sent);
    assert.deepEqual(got, sent);
    assert.notEqual(got, sent);
    await assert.rejects(shop.echo(Symbol('x')), { code: 'INVALID_ARGUMENT' });
    assert.equal(server.state().address, undefined);
  });

  it('has streams, uploads and one-way calls', async () => {
    const told: unknown[] = [];
    await using server = aServer({}, { tell: (event) => void told.push(event) });
    await using client = call(server);
    const shop = client.service(Shop);
    const items: number[] = [];
    for await (const item of shop.orders(3)) items.push(item);
    assert.deepEqual([items, await shop.sum([1, 2, 3])], [[0, 1, 2], 6]);
    await shop.tell('news');
    await shop.echo();
    assert.deepEqual(told, ['news']);
  });

  for (const protocol of [undefined, messagePackRpc()]) {
    it(`keeps deadlines, cancellation, authorization, limits and errors as between processes: ${protocol?.name ?? 'native'}`, async () => {
      const authorize: ServerOptions['authorize'] = ({ method }) => {
        if (method === 'tell') throw new RpcError('PERMISSION_DENIED', 'nobody tells');
        if (method === 'echo' && callsLeft-- <= 0) throw new RpcError('PERMISSION_DENIED', 'enough');
      };
      let callsLeft = 2;
      const server = aServer({ authorize, rateLimit: { perSecond: 1, burst: 5 } });
      await using client = call(server, { protocol, retry: false });
      const shop = client.service(Shop);
      await assert.rejects(shop.slow(), { code: 'DEADLINE_EXCEEDED' });
      const controller = new AbortController();
      const cancelled = assert.rejects(shop.with({ signal: controller.signal, timeoutMs: 60_000 }).slow(), {
        code: 'CANCELLED',
      });
      setImmediate(() => controller.abort());
      await cancelled;
      await assert.rejects(shop.fail('known'), /no such order/);
      await assert.rejects(shop.fail('unknown'), (error) => isRpcError(error) && !/a secret/.test(error.message));
      assert.equal(await shop.echo(1), 1);
      await assert.rejects(shop.echo(1), /RESOURCE_EXHAUSTED/);
      await assert.rejects(shop.echo(1), /PERMISSION_DENIED: .*enough/);
      await server.close({ drainMs: 0, graceMs: 0 });
    });
  }

  it('shares nothing with the handler but what is sent: no async context either way', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const server = aServer({}, { echo: () => void seen.push(storage.getStore(), callContext()?.peer.address) });
    await using _server = server;
    await using client = call(server);
    await storage.run('of the caller', async () => {
      await client.service(Shop).echo();
      assert.equal(storage.getStore(), 'of the caller');
    });
    assert.deepEqual(seen, [undefined, 'memory:server']);
  });

  it('inherits the time that is left from the call that is being served', async () => {
    const left: number[] = [];
    await using inner = aServer({}, { echo: () => void left.push(callContext()!.remainingMs()) });
    await using client = call(inner, { timeoutMs: 60_000 });
    await using outer = aServer({}, { echo: () => client.service(Shop).echo() });
    await using caller = call(outer);
    await caller.service(Shop).with({ timeoutMs: 500 }).echo();
    assert.ok(left[0]! <= 500);
  });

  it('is let drain, and refused when the server has closed', async () => {
    let finish!: (value: string) => void;
    const server = aServer({}, { echo: () => new Promise((resolve) => (finish = resolve)) });
    await using client = call(server);
    const shop = client.service(Shop);
    const running = shop.echo();
    while (server.state().calls.running === 0) await new Promise(setImmediate);
    const closing = server.close({ drainMs: 0, graceMs: 5_000 });
    finish('done');
    assert.equal(await running, 'done');
    await closing;
    await assert.rejects(shop.echo(), { code: 'UNAVAILABLE' });
  });

  it('shows a token where the server authenticates, and needs no secret of an entry', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpc-inside-'));
    try {
      await using server = aServer({ registry: local({ directory }) });
      await server.listen({ port: 0 });
      await using client = call(server);
      assert.equal(await client.service(Shop).echo(1), 1);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    const authenticate = (_: unknown, token: string | undefined): string | undefined => token;
    await using server = aServer({ authenticate }, { echo: () => callContext()?.peer.identity });
    await using ann = call(server, { token: 'ann' });
    assert.equal(await ann.service(Shop).echo(), 'ann');
    await using nobody = call(server);
    await assert.rejects(nobody.service(Shop).echo(), { code: 'UNAUTHENTICATED' });
  });

  it('says what cannot be', () => {
    const server = aServer();
    assert.throws(
      () => call(server, { registry: memory() }),
      /^TypeError: createClient: server takes the place of registry/,
    );
    assert.throws(
      () => call(server, { tls: true }),
      /^TypeError: createClient: server is called without a socket, so tls/,
    );
    assert.throws(() => call({} as never), /^TypeError: createClient: server must be what createServer\(\) made/);
  });
});
