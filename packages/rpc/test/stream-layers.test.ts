import assert from 'node:assert/strict';
import { defineService, type Layer, method, RpcError, type StreamLayer, stream, upload } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { connect } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<(limit: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => Promise<number>>(),
});
const Plain = defineService('plain', { ping: method<() => string>() });

async function* count(limit: number): AsyncGenerator<number> {
  for (let i = 0; i < limit; i++) yield i;
}

async function all(items: AsyncIterable<number>): Promise<number[]> {
  const seen: number[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

const handlers = {
  numbers: async function* (limit: number) {
    for (let i = 0; i < limit; i++) yield i;
  },
  sum: async (items: AsyncIterable<number>) => {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  },
};

const pass: Layer = (next) => next;

/** Notes what passes in both directions. */
function noting(name: string, notes: string[]): StreamLayer {
  return (next) =>
    async function* (call, items) {
      notes.push(`${name} ${call.method} ${items === undefined ? 'takes nothing' : 'takes items'}`);
      for await (const item of next(call, items)) {
        notes.push(`${name} ${item}`);
        yield item;
      }
    };
}

describe('layers of streams', () => {
  it('see calls and items on both sides, the first outermost', async () => {
    const notes: string[] = [];
    const server = createServer({ registry: memory(), layers: { stream: [noting('s', notes)] } }).add(Feed, handlers);
    const client = connect(server, { layers: { stream: [noting('a', notes), noting('b', notes)] } });
    const feed = client.service(Feed);
    for await (const _ of feed.numbers(1));
    assert.deepEqual(notes.splice(0), [
      'a numbers takes nothing',
      'b numbers takes nothing',
      's numbers takes nothing',
      's 0',
      'b 0',
      'a 0',
    ]);
    assert.equal(await feed.sum([1, 2]), 3);
    assert.deepEqual(notes.slice(0, 3), ['a sum takes items', 'b sum takes items', 's sum takes items']);
    await client.close();
  });

  it('may go on several times, at once and one after the other: each is a stream of its own', async () => {
    const opened: number[] = [];
    const server = createServer({ registry: memory() }).add(Feed, {
      ...handlers,
      async *numbers(limit) {
        opened.push(limit);
        if (opened.length === 3) throw new RpcError('UNAVAILABLE', 'not now');
        yield* count(limit);
        if (limit === 1) await new Promise(() => {});
      },
    });
    const twice: StreamLayer = (next) =>
      async function* (call, items) {
        const [a, b] = [next(call, items), next(call, items)].map((stream) => stream[Symbol.asyncIterator]());
        for (;;) {
          const [left, right] = await Promise.all([a!.next(), b!.next()]);
          assert.deepEqual(left, right);
          if (left.done === true) return;
          yield left.value;
        }
      };
    const client = connect(server, { layers: { stream: [twice] } });
    assert.deepEqual(await all(client.service(Feed).numbers(3)), [0, 1, 2]);
    assert.equal(await client.service(Feed).sum([1, 2]), 3);
    assert.deepEqual(opened, [3, 3]);
    await client.close();

    const retrying: StreamLayer = (next) =>
      async function* (call, items) {
        try {
          yield* next(call, items);
        } catch {
          yield* next(call, items);
        }
      };
    const again = connect(server, { layers: { stream: [retrying] } });
    const stopper = new AbortController();
    const numbers = again.service(Feed).with({ signal: stopper.signal }).numbers(1)[Symbol.asyncIterator]();
    assert.deepEqual([(await numbers.next()).value, opened.length], [0, 4]);
    stopper.abort();
    await assert.rejects(numbers.next(), { code: 'CANCELLED' });
    await again.close();
  });

  it('may not be forgotten where there are layers for single answers and a contract with streams', async () => {
    const message = /"feed.numbers" is a stream method, and layers.unary do not see it; give layers.stream too/;
    const server = createServer({ registry: memory(), layers: { unary: [pass] } });
    assert.throws(() => server.add(Feed, handlers), { name: 'TypeError', message });
    server.add(Plain, { ping: () => 'pong' });
    const client = connect(server, { layers: { unary: [pass] } });
    assert.throws(() => client.service(Feed), { name: 'TypeError', message });
    assert.equal(await client.service(Plain).ping(), 'pong');
    await client.close();
  });

  it('may be said to be none', async () => {
    const server = createServer({ registry: memory(), layers: { unary: [pass], stream: [] } }).add(Feed, handlers);
    const client = connect(server, { layers: { unary: [pass], stream: [] } });
    assert.equal(await client.service(Feed).sum([4]), 4);
    await client.close();
  });
});
