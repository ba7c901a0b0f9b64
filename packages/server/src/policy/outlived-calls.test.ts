import assert from 'node:assert/strict';
import { connect as dial } from 'node:net';
import { callContext, defineService, method, notify, stream } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock } from '@org/rpc-testkit';
import type { ServerEvents } from '../face/events.js';
import { createServer } from '../face/server.js';
import type { Server } from '../face/server-types.js';
import { OutlivedCalls } from './outlived-calls.js';

const Slow = defineService('slow', {
  wait: method<() => Promise<string>>(),
  news: stream<() => AsyncIterable<number>>(),
  tell: notify<() => void>(),
  ping: method<() => string>(),
});

const never = (): Promise<never> => new Promise(() => {});

/** Uses a clock that hardly advances, so that no test waits. */
async function close(server: Server, clock: FakeClock, graceMs: number): Promise<void> {
  const closing = server.close({ drainMs: 0, graceMs });
  await clock.advance(1);
  await closing;
}

/** A server that listens, so that it sweeps its calls, and a client in memory. */
async function setUp(options: Parameters<typeof createServer>[0] = {}) {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock, ...options }).add(Slow, {
    wait: never,
    async *news() {
      yield 1;
      await never();
    },
    tell: never,
    ping: () => 'pong',
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const told: ServerEvents['handlerOutlived'][0][] = [];
  server.on('handlerOutlived', (event) => told.push(event));
  return { clock, server, told, port, client: connect(server, { clock, retry: false }) };
}

describe('a handler that outlives its caller', () => {
  it('is told once after a minute, by its method, and gives its place back', async () => {
    const { clock, server, told, client } = await setUp({ concurrency: { max: 2 } });
    const slow = client.service(Slow);
    const controller = new AbortController();
    const cancelled = slow
      .with({ signal: controller.signal })
      .wait()
      .catch(() => 'cancelled');
    const late = slow
      .with({ timeoutMs: 5_000 })
      .wait()
      .catch(() => 'late');
    await clock.advance(100);
    controller.abort();
    assert.deepEqual([await cancelled, server.running], ['cancelled', 2]);
    await assert.rejects(slow.with({ timeoutMs: 100_000 }).ping(), { code: 'RESOURCE_EXHAUSTED' });
    await clock.advance(59_000);
    assert.deepEqual([await late, told, server.running], ['late', [], 2]);
    await clock.advance(3_000);
    assert.equal(server.running, 1);
    assert.equal(await slow.ping(), 'pong');
    await clock.advance(60_000);
    assert.deepEqual(
      told.map(({ service, method: name, peer, forMs }) => [service, name, peer, forMs >= 60_000 && forMs < 61_100]),
      [
        ['slow', 'wait', 'memory:server', true],
        ['slow', 'wait', 'memory:server', true],
      ],
    );
    assert.equal(server.running, 0);
    await client.close();
    await close(server, clock, 100_000);
  });

  it('is so as a stream that waits without a signal, with and without its connection, and keeps no server from closing', async () => {
    const { clock, server, told, client } = await setUp();
    for await (const _ of client.service(Slow).news()) break;
    const lost = connect(server, { clock });
    await lost.service(Slow).news()[Symbol.asyncIterator]().next();
    await lost.close();
    await clock.advance(1_000);
    assert.equal(server.running, 2);
    await clock.advance(61_000);
    assert.deepEqual([told.map((event) => event.method), server.running], [['news', 'news'], 0]);
    await client.close();
    await close(server, clock, 100_000);
  });

  it('is so as a one-way call whose deadline has passed', async () => {
    const { clock, server, told, client } = await setUp();
    await client.service(Slow).tell();
    await clock.advance(70_000);
    assert.deepEqual([told.map((event) => event.method), server.running], [['tell'], 0]);
    await client.close();
    await close(server, clock, 0);
  });

  it('is so of a peer of MessagePack-RPC that is gone', async () => {
    const { clock, server, told, port } = await setUp();
    const socket = dial(port, '127.0.0.1');
    socket.write(Buffer.from(`940001a9${Buffer.from('slow.wait').toString('hex')}90`, 'hex'));
    while (server.running === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = new Promise((resolve) => server.on('connectionClosed', resolve));
    socket.resetAndDestroy();
    await closed;
    await clock.advance(62_000);
    assert.deepEqual([told.map((event) => event.method), server.running], [['wait'], 0]);
    await close(server, clock, 0);
  });

  it('is not, while somebody waits, nor when it ends on its signal', async () => {
    const clock = new FakeClock(1_000);
    const server = createServer({ registry: memory(), clock }).add(Slow, {
      wait: () =>
        new Promise((_, reject) => {
          const { signal } = callContext()!;
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      async *news() {
        yield 1;
        await never();
      },
      tell: () => {},
      ping: () => 'pong',
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    server.on('handlerOutlived', () => assert.fail('nobody is gone'));
    const client = connect(server, { clock });
    const ended = client
      .service(Slow)
      .wait()
      .catch(() => {});
    await clock.advance(2_000);
    await ended;
    const news = client.service(Slow).with({ idleTimeoutMs: 1_000_000 }).news()[Symbol.asyncIterator]();
    await news.next();
    void news.next().catch(() => {});
    await clock.advance(200_000);
    assert.equal(server.running, 1);
    await client.close();
    await close(server, clock, 0);
  });

  it('is a line on stderr, once for each method, where nobody listens', () => {
    const lines: string[] = [];
    const released: unknown[] = [];
    const port = { release: (call: unknown) => void released.push(call), emit: () => false };
    const outlived = new OutlivedCalls(port, (line) => lines.push(line));
    const entry = { service: 'slow', method: 'wait' };
    const calls = [1, 2].map(() => ({
      ...entry,
      entry,
      abandoned: true,
      outlived: false,
      deadline: Infinity,
      peer: { address: 'a' },
    }));
    outlived.sweep(calls as never, 0);
    outlived.sweep(calls as never, 61_000);
    outlived.sweep(calls as never, 62_000);
    assert.equal(released.length, 2);
    assert.deepEqual(lines, [
      '[rpc] handler slow.wait still runs 61 s after its caller has gone. End its waits by callContext().signal; start by detached() what is to go on\n',
    ]);
  });
});
