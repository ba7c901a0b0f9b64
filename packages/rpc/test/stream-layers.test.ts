import assert from 'node:assert/strict';
import { defineService, type Layer, method, type StreamLayer, stream, upload } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { connect } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<(limit: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => Promise<number>>(),
});
const Plain = defineService('plain', { ping: method<() => string>() });

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
