import assert from 'node:assert/strict';
import { defineService, memory, method, type RpcError } from '@org/rpc';
import { createServer } from '@org/rpc-server';
import { RpcServer } from '@org/rpc-server/internal';
import { connect, type Simulation, simulate } from '@org/rpc-testkit';
import { memoryPair } from '@org/rpc-wire/internal';
import { Greeter, World } from './client/world.js';

const Shop = defineService('shop', {
  buy: method<(text: string) => string>(),
  gone: method<() => string>(),
});

function aShop(): RpcServer {
  const server = createServer({ registry: memory() });
  server.add(Shop, {
    buy: (text) => {
      if (text === '') throw new Error('');
      return text;
    },
    gone: () => 'here',
  });
  server.on('handlerError', () => {});
  assert.ok(server instanceof RpcServer);
  return server;
}

const code = (error: RpcError): string => error.code;

// Each has happened to users of other systems of this kind.
describe('what has gone wrong elsewhere', () => {
  it('an error without a text is no success', async () => {
    await using client = connect(aShop());
    assert.equal(await client.service(Shop).buy('').catch(code), 'INTERNAL');
  });

  it('two requests that come in one piece are both answered', async () => {
    const [near, far] = memoryPair();
    aShop().accept(far);
    const answers: string[] = [];
    let bytes = Buffer.alloc(0);
    near.start({
      data(piece) {
        bytes = Buffer.concat([bytes, piece]);
        answers.push(bytes.toString('latin1'));
      },
      drained() {},
      ended() {},
      closed() {},
    });
    const request = (id: number): Buffer =>
      Buffer.concat([
        Buffer.from([0x94, 0, id, 0xa8]),
        Buffer.from('shop.buy'),
        Buffer.from([0x91, 0xa3]),
        Buffer.from(`no${id}`),
      ]);
    near.write(Buffer.concat([request(1), request(2)]));
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.match(answers.at(-1) ?? '', /no1.*no2/s);
    near.destroy();
  });

  it('calls of a method that a server lacks cost neither its connection nor its good name', async () => {
    const server = aShop();
    let [connections, marks] = [0, 0];
    server.on('connectionOpened', () => connections++);
    await using client = connect(server);
    client.on('breakerOpened', () => marks++).on('ejected', () => marks++);
    const lacking = client.service<{ absent(): Promise<string> }>('shop');
    for (let i = 0; i < 50; i++) assert.equal(await lacking.absent().catch(code), 'UNIMPLEMENTED');
    assert.equal(await client.service(Shop).buy('a'), 'a');
    assert.deepEqual([connections, marks], [1, 0]);
  });

  it('more calls than a client may have in flight are held against no server', async () => {
    const server = aShop();
    let marks = 0;
    await using client = connect(server, { concurrency: { max: 2 }, limits: { callsInFlight: 1 } });
    client.on('breakerOpened', () => marks++).on('ejected', () => marks++);
    const calls = await Promise.allSettled(Array.from({ length: 200 }, () => client.service(Shop).buy('a')));
    assert.ok(calls.some(({ status }) => status === 'rejected'));
    assert.equal(await client.service(Shop).buy('b'), 'b');
    assert.equal(marks, 0);
  });

  it('an instance that is listed again, or comes back on its address, is there once', async () => {
    const world = new World();
    const a = world.start('a', 1);
    world.client.service(Greeter);
    await world.list(a);
    await world.answering(5);
    await world.list({ ...a });
    await world.list({ ...a, weight: 50 });
    const again = world.start('b', 1);
    await world.list(again);
    assert.deepEqual(await world.answering(5), ['b']);
    assert.equal(world.client.state().services['greeter']?.nodes.length, 1);
    await world.client.close();
  });

  it('a service that nobody serves keeps no other from being called', async () => {
    const world = new World();
    await world.list(world.start('a', 1));
    world.registry.publish('shop', []);
    const orphan = world.client.service(Shop).with({ timeoutMs: 2_000 }).gone().catch(code);
    assert.deepEqual(await world.answering(5), ['a']);
    await world.clock.advance(1_000);
    assert.equal(await orphan, 'UNAVAILABLE');
    await world.client.close();
  });

  const slow: Simulation = {
    clients: { perSecond: 20, options: { hedge: { delayMs: 10, maxPercent: 100 } } },
    servers: { count: 2, work: () => 300 },
    durationMs: 5_000,
  };

  it('an answer that is slow is an answer, though a second attempt has been sent and is slow too', async () => {
    const { failures, calls } = await simulate(slow);
    assert.ok(calls > 50 && failures === 0, `${failures} of ${calls} failed`);
  });

  it('zero is a value: no retries means none', async () => {
    const faults = [{ kind: 'failing', servers: [0, 1] }] as const;
    const options = { retry: { max: 0 }, ejection: false, breaker: false } as const;
    const { attemptsPerCall } = await simulate({ ...slow, clients: { perSecond: 20, options }, faults });
    assert.equal(attemptsPerCall, 1);
  });
});
