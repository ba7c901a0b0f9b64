import assert from 'node:assert/strict';
import { type ClientOptions, createClient } from '@org/rpc-client';
import { type CallContext, type Metadata, RpcError } from '@org/rpc-core';
import { memory, type RegistryEvent } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { type OpenShop, openShop } from './shop.js';
import { Greeter, World } from './world.js';

function open(metadata: NonNullable<ClientOptions['metadata']>): OpenShop & { received: Metadata[] } {
  const received: Metadata[] = [];
  const authorize = (call: CallContext): void => void received.push({ ...call.metadata });
  return Object.assign(openShop({ client: { metadata }, server: { authorize } }), { received });
}

describe("the client's metadata", () => {
  it('goes with every call, one-way calls included', async () => {
    await using shop = open({ authorization: 'token' });
    await shop.shop.add(1);
    await shop.shop.tell('news');
    await shop.clock.advance(0);
    assert.deepEqual(shop.received, [{ authorization: 'token' }, { authorization: 'token' }]);
  });

  it('is asked for with each call when it is a function, sync or async', async () => {
    let calls = 0;
    await using sync = open(() => ({ authorization: `token ${++calls}` }));
    await using async = open(async () => ({ authorization: `token ${++calls}` }));
    for (const { shop } of [sync, sync, async]) await shop.add(1);
    assert.deepEqual(sync.received, [{ authorization: 'token 1' }, { authorization: 'token 2' }]);
    assert.deepEqual(async.received, [{ authorization: 'token 3' }]);
  });

  it('is asked for once a call, however many attempts follow', async () => {
    let asked = 0;
    const attempts: Metadata[] = [];
    const client = { metadata: async () => ({ authorization: `token ${++asked}` }) };
    const authorize = ({ metadata }: CallContext): void => {
      attempts.push({ ...metadata });
      if (attempts.length < 3) throw new RpcError('UNAVAILABLE', 'not now', { retryAfterMs: 1 });
    };
    await using shop = openShop({ client, server: { authorize } });
    const call = shop.shop.add(1, 1, 1);
    await shop.clock.advance(10);
    assert.equal(await call, 3);
    assert.equal(attempts.length, 3);
    assert.equal(asked, 1);
  });

  it('gives way to what the call says itself', async () => {
    await using shop = open(async () => ({ authorization: 'token', tenant: 'a' }));
    await shop.shop.with({ metadata: { tenant: 'b' } }).add(1);
    assert.deepEqual(shop.received, [{ authorization: 'token', tenant: 'b' }]);
  });

  for (const [how, source] of [
    [
      'throws',
      () => {
        throw new Error('no token in the vault');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no token in the vault'))],
  ] as const)
    it(`fails the call when its function ${how}, and nothing is sent`, async () => {
      await using shop = open(source);
      await assert.rejects(shop.shop.add(1), {
        code: 'UNAUTHENTICATED',
        message: "UNAUTHENTICATED: the client's metadata function failed: no token in the vault (shop.add)",
        progress: 'unsent',
        service: 'shop',
        method: 'add',
      });
      await shop.clock.advance(0);
      assert.deepEqual(shop.received, []);
    });

  it('may fail with an error of its own choice', async () => {
    await using shop = open(async () => {
      throw new RpcError('PERMISSION_DENIED', 'logged out');
    });
    await assert.rejects(shop.shop.add(1), {
      code: 'PERMISSION_DENIED',
      message: 'PERMISSION_DENIED: logged out (shop.add)',
    });
  });

  it('is waited for no longer than the call lasts', async () => {
    await using shop = open(() => new Promise(() => {}));
    const call = shop.shop.with({ timeoutMs: 50 }).add(1);
    await Promise.all([
      assert.rejects(call, {
        code: 'DEADLINE_EXCEEDED',
        message: "DEADLINE_EXCEEDED: no time left while waiting for the client's metadata function (shop.add)",
      }),
      shop.clock.advance(50),
    ]);
    assert.equal(shop.clock.now(), 1_050);
  });

  it('is waited for no longer than the caller wants', async () => {
    await using shop = open(() => new Promise(() => {}));
    const controller = new AbortController();
    const call = shop.shop.with({ signal: controller.signal }).add(1);
    controller.abort('enough');
    await assert.rejects(call, { code: 'CANCELLED', cause: 'enough' });
  });

  it('takes its time out of the time of the call', async () => {
    const remaining: number[] = [];
    let answer!: (metadata: Metadata) => void;
    const authorize = (call: CallContext): void => void remaining.push(call.remainingMs());
    const metadata = (): Promise<Metadata> => new Promise((resolve) => (answer = resolve));
    await using shop = openShop({ client: { metadata }, server: { authorize } });
    const call = shop.shop.with({ timeoutMs: 200 }).add(1);
    await shop.clock.advance(150);
    answer({});
    await call;
    assert.deepEqual(remaining, [50]);
  });

  it('says which key or value cannot be sent', async () => {
    await using shop = open({ 'Bad Key': 'x' });
    await assert.rejects(shop.shop.add(1), {
      code: 'INVALID_ARGUMENT',
      message: /^INVALID_ARGUMENT: shop\.add cannot be sent: metadata key "Bad Key" must be 1 to 128 of a-z/,
    });
    await using numbers = open((() => ({ tenant: 7 })) as never);
    await assert.rejects(
      numbers.shop.add(1),
      /shop\.add cannot be sent: metadata "tenant" must be a string, not number/,
    );
  });
});

describe("the client's token", () => {
  const token = 'key-of-ann';

  /** What a client tells of its registry when it has called two servers on another machine. */
  async function toldBy(options: ClientOptions): Promise<RegistryEvent[]> {
    const world = new World(options);
    const told: RegistryEvent[] = [];
    world.client.on('registry', (event) => told.push(event));
    await world.list(world.start('a', 1), world.start('b', 2));
    assert.deepEqual(await world.answering(), ['a', 'b']);
    await world.client.close();
    return told;
  }

  it('in plaintext to another machine is an event, once', async () => {
    const [event, ...more] = await toldBy({ token: async () => token });
    assert.equal(event?.kind, 'insecure');
    assert.match(event!.message, /^the token of this client goes to h:[12] without TLS: /);
    assert.doesNotMatch(event!.message, /key-of-ann/);
    assert.deepEqual(more, []);
  });

  it('is nothing to tell of over TLS, in a process, and where there is none', async () => {
    assert.deepEqual(await toldBy({ token, tls: true }), []);
    assert.deepEqual(await toldBy({}), []);
    const server = createServer({ registry: memory() });
    server.add(Greeter, { hello: () => 'here', hold: async () => '' });
    await using client = createClient({ server, token });
    client.on('registry', ({ message }) => assert.fail(message));
    assert.equal(await client.service(Greeter).hello(), 'here');
    await server.close();
  });
});
