import assert from 'node:assert/strict';
import { callContext, defineService, duplex, isRpcError, type ServiceHandlers, stream, upload } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<(limit: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => Promise<number>>(),
  chat: duplex<(items: AsyncIterable<number>) => AsyncIterable<number>>(),
});

function openFeed(handlers: Partial<ServiceHandlers<typeof Feed>> = {}) {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock });
  server.on('handlerError', () => {});
  server.add(Feed, {
    async *numbers(limit) {
      for (let i = 0; i < limit; i++) yield i;
    },
    async sum() {
      return 0;
    },
    async *chat() {},
    ...handlers,
  });
  const client = connect(server, { clock, random: seededRandom(1) });
  return { clock, feed: client.service(Feed), [Symbol.asyncDispose]: () => client.close() };
}

const enough = (error: unknown): boolean =>
  isRpcError(error, 'CANCELLED') && (error.cause as Error | undefined)?.message === 'enough';

describe('a stream whose caller has given up', () => {
  for (const [what, limit] of [
    ['more is under way', 100_000],
    ['its end has come', 5],
  ] as const) {
    it(`hands out nothing of what had come, when ${what}`, async () => {
      await using open = openFeed();
      const controller = new AbortController();
      const items = open.feed.with({ signal: controller.signal }).numbers(limit)[Symbol.asyncIterator]();
      assert.equal((await items.next()).value, 0);
      await open.clock.advance(10);
      controller.abort(new Error('enough'));
      await assert.rejects(items.next(), enough);
      assert.deepEqual(await items.next(), { done: true, value: undefined });
    });
  }

  it('rejects who waits for an item, and ends for who has had them all', async () => {
    await using open = openFeed({
      async *numbers() {
        yield 1;
        await new Promise(() => {});
      },
    });
    const controller = new AbortController();
    const items = open.feed.with({ signal: controller.signal }).numbers(1)[Symbol.asyncIterator]();
    await items.next();
    const waiting = assert.rejects(items.next(), enough);
    controller.abort(new Error('enough'));
    await waiting;
    const other = new AbortController();
    await using short = openFeed();
    const all = short.feed.with({ signal: other.signal }).numbers(1)[Symbol.asyncIterator]();
    await all.next();
    assert.equal((await all.next()).done, true);
    other.abort(new Error('enough'));
    assert.equal((await all.next()).done, true);
  });

  for (const [what, count] of [
    ['more is under way', 1_000_000],
    ['their end has come', 5],
  ] as const) {
    for (const method of ['sum', 'chat'] as const) {
      it(`hands its handler nothing of what had come, when ${what}: ${method}`, async () => {
        const seen: unknown[] = [];
        let look!: () => void;
        const looking = new Promise<void>((resolve) => (look = resolve));
        const read = async (given: AsyncIterable<number>): Promise<number> => {
          const items = given[Symbol.asyncIterator]();
          seen.push((await items.next()).value);
          await looking;
          assert.equal(callContext()?.signal.aborted, true);
          await items.next().then(
            ({ value }) => seen.push(value),
            (error: unknown) => seen.push(isRpcError(error) && error.code),
          );
          seen.push((await items.next()).done);
          return 0;
        };
        await using open = openFeed({
          sum: read,
          async *chat(items) {
            yield await read(items);
          },
        });
        async function* source(): AsyncGenerator<number> {
          for (let i = 0; i < count; i++) yield i;
        }
        const controller = new AbortController();
        const feed = open.feed.with({ signal: controller.signal });
        const calling = method === 'sum' ? feed.sum(source()) : feed.chat(source())[Symbol.asyncIterator]().next();
        const failed = assert.rejects(calling, enough);
        await open.clock.advance(10);
        controller.abort(new Error('enough'));
        await failed;
        await open.clock.advance(10);
        look();
        await open.clock.advance(10);
        assert.deepEqual(seen, [0, 'CANCELLED', true]);
      });
    }
  }
});
