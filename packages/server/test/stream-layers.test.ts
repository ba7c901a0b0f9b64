import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { callContext, defineService, duplex, type StreamLayer, stream, upload } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import { createServer } from '../src/index.js';

const span = new AsyncLocalStorage<string>();
const where = (): string => `${span.getStore() ?? 'nowhere'} in ${callContext()?.method ?? 'no call'}`;

const Feed = defineService('feed', {
  watch: stream<() => AsyncIterable<string>>(),
  total: upload<(items: AsyncIterable<number>) => Promise<string>>(),
  both: duplex<(items: AsyncIterable<number>) => AsyncIterable<string>>(),
});

const traced: StreamLayer = (next) => (call, items) => span.run(`span of ${call.method}`, () => next(call, items));
const tracedInside: StreamLayer = (next) =>
  async function* (call, items) {
    yield* span.run(`span of ${call.method}`, () => next(call, items));
  };

describe('what a stream layer sets for its surroundings', () => {
  for (const [kind, layer] of [
    ['returns the stream', traced],
    ['is a generator', tracedInside],
  ] as const)
    it(`reaches every step of the handler, its end included: a layer that ${kind}`, async () => {
      const left: string[] = [];
      const server = createServer({ registry: memory(), layers: { unary: [], stream: [layer] } });
      server.add(Feed, {
        async *watch() {
          try {
            for (;;) {
              yield where();
              await new Promise((resolve) => setImmediate(resolve));
            }
          } finally {
            left.push(where());
          }
        },
        async total(items) {
          for await (const _ of items);
          return where();
        },
        async *both(items) {
          for await (const item of items) yield `${item} ${where()}`;
        },
      });
      const client = connect(server);
      const feed = client.service(Feed);
      const seen: string[] = [];
      for await (const item of feed.watch()) if (seen.push(item) === 3) break;
      assert.deepEqual(seen, Array(3).fill('span of watch in watch'));
      assert.equal(await feed.total([1, 2]), 'span of total in total');
      for await (const item of feed.both([7])) assert.equal(item, '7 span of both in both');
      await client.close();
      await server.close({ drainMs: 0 });
      assert.deepEqual(left, ['span of watch in watch']);
    });
});
