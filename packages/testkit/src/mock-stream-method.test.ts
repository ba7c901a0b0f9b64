import assert from 'node:assert/strict';
import { defineService, duplex, RpcError, stream, upload } from '@org/rpc-core';
import { mockService } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<(limit: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>, from: number) => Promise<number>>(),
  chat: duplex<(items: AsyncIterable<string>, name: string) => AsyncIterable<string>>(),
});

async function collect<T>(items: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const item of items) into.push(item);
  return into;
}

describe('mockService() for methods with streams', () => {
  it('gives the items of a generator, or of any iterable', async () => {
    const generator = mockService(Feed, {
      async *numbers(limit) {
        for (let i = 0; i < limit; i++) yield i;
      },
    });
    assert.deepEqual(await collect(generator.numbers(3)), [0, 1, 2]);
    const list = mockService(Feed, { numbers: () => [7, 8] });
    assert.deepEqual(await collect(list.with({ idleTimeoutMs: 5 }).numbers(1)), [7, 8]);
  });

  it('begins when the first item is asked for', async () => {
    let begun = 0;
    const { numbers } = mockService(Feed, {
      numbers: () => {
        begun++;
        return [1];
      },
    });
    const items = numbers(1)[Symbol.asyncIterator]();
    assert.equal(begun, 0);
    assert.deepEqual(await items.next(), { done: false, value: 1 });
    assert.equal(begun, 1);
  });

  it('returns the generator when the reader breaks off', async () => {
    let returned = 0;
    const { numbers } = mockService(Feed, {
      async *numbers() {
        try {
          for (let i = 0; ; i++) yield i;
        } finally {
          returned++;
        }
      },
    });
    for await (const item of numbers(1)) if (item === 3) break;
    assert.equal(returned, 1);
  });

  it('brings what the function throws after the items before it', async () => {
    const { numbers } = mockService(Feed, {
      async *numbers() {
        yield 1;
        throw new RpcError('NOT_FOUND', 'no second');
      },
    });
    const items: number[] = [];
    await assert.rejects(collect(numbers(2), items), { code: 'NOT_FOUND' });
    assert.deepEqual(items, [1]);
  });

  it('hands the items of any iterable to an upload as an async iterable, then the arguments', async () => {
    const { sum } = mockService(Feed, {
      async sum(items, from) {
        assert.equal(typeof items[Symbol.asyncIterator], 'function');
        return (await collect(items)).reduce((x, y) => x + y, from);
      },
    });
    async function* numbers(): AsyncGenerator<number> {
      yield 1;
      yield 2;
    }
    assert.deepEqual([await sum([1, 2], 10), await sum(numbers(), 20)], [13, 23]);
  });

  it('returns the source of an upload that is answered early', async () => {
    let returned = 0;
    function* source(): Generator<number> {
      try {
        for (;;) yield 4;
      } finally {
        returned++;
      }
    }
    const { sum } = mockService(Feed, {
      async sum(items) {
        for await (const item of items) return item;
        return 0;
      },
    });
    assert.deepEqual([await sum(source(), 0), returned], [4, 1]);
  });

  it('carries items both ways, one by one', async () => {
    const { chat } = mockService(Feed, {
      async *chat(items, name) {
        for await (const item of items) yield `${name}: ${item}`;
      },
    });
    let asked = 0;
    function* source(): Generator<string> {
      for (const text of ['a', 'b']) {
        asked++;
        yield text;
      }
    }
    const replies = chat(source(), 'x')[Symbol.asyncIterator]();
    assert.deepEqual([(await replies.next()).value, asked], ['x: a', 1]);
    assert.deepEqual([(await replies.next()).value, asked], ['x: b', 2]);
    assert.equal((await replies.next()).done, true);
  });

  it('rejects for a method that was not given, with the first item of a stream', async () => {
    const feed = mockService(Feed, {});
    await assert.rejects(collect(feed.numbers(1)), { code: 'UNIMPLEMENTED', service: 'feed', method: 'numbers' });
    await assert.rejects(feed.sum([], 0), { reason: 'mockService: feed.sum was not given' });
    await assert.rejects(collect(feed.chat([], 'x')), { code: 'UNIMPLEMENTED', method: 'chat' });
  });

  it('refuses what is not iterable, on both sides', async () => {
    const feed = mockService(Feed, { numbers: (() => 5) as never, sum: () => 0, chat: () => [] });
    await assert.rejects(collect(feed.numbers(1)), {
      name: 'TypeError',
      message: 'mockService: feed.numbers: what the function gives must be an async iterable or an iterable',
    });
    await assert.rejects(feed.sum(5 as never, 0), TypeError);
    assert.throws(() => feed.chat('text' as never, 'x'), {
      name: 'TypeError',
      message: 'feed.chat: the first argument must be an async iterable or an iterable',
    });
  });
});
