import assert from 'node:assert/strict';
import { type CallContext, callContext, defineService, duplex, RpcError, stream, upload } from '@org/rpc-core';
import { mockService } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<(limit: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>, from: number) => Promise<number>>(),
  chat: duplex<(items: AsyncIterable<string>, name: string) => AsyncIterable<string>>(),
});

/** Whether something was rejected with this code, for a reason of this text. */
const failed =
  (code: string, cause: RegExp) =>
  (error: RpcError): boolean => {
    assert.equal(error.code, code);
    assert.match((error.cause as Error).message, cause);
    return true;
  };

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
    // It hears of that as a handler does: by a message.
    await new Promise((resolve) => setImmediate(resolve));
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

  it('carries items both ways, in order', async () => {
    const { chat } = mockService(Feed, {
      async *chat(items, name) {
        for await (const item of items) yield `${name}: ${item}`;
      },
    });
    assert.deepEqual(await collect(chat(['a', 'b'], 'x')), ['x: a', 'x: b']);
  });

  it('lets neither side be more than a window ahead, as credit does', async () => {
    const item = 'x'.repeat(40_000);
    let given = 0;
    const { numbers, sum } = mockService(Feed, {
      async *numbers() {
        for (; given < 1_000; given++) yield item as never;
      },
      async sum(items) {
        for await (const _ of items) break;
        return 1;
      },
    });
    const ahead: number[] = [];
    for await (const _ of numbers(1)) {
      await new Promise((resolve) => setImmediate(resolve));
      ahead.push(given);
      break;
    }
    // With the one that takes the balance below 0, seven have left the generator, which stands at the last of them.
    assert.deepEqual(ahead, [6]);
    let pulled = 0;
    function* source(): Generator<never> {
      for (; pulled < 1_000; pulled++) yield item as never;
    }
    assert.equal(await sum(source(), 0), 1);
    // A window, and what is granted anew when the reader drops it.
    assert.ok(pulled <= 16, `${pulled} items`);
  });

  it('carries items through the codec, and refuses what cannot travel', async () => {
    const kept = { at: new Date(5) };
    const { numbers, sum } = mockService(Feed, {
      numbers: () => [kept, () => 1] as never,
      sum: async (items) => (((await collect(items))[0] as unknown) === (kept as unknown) ? 1 : 0),
    });
    const items: unknown[] = [];
    await assert.rejects(collect(numbers(1), items as never), failed('INTERNAL', /is a function/));
    assert.deepEqual(items, [kept]);
    assert.notEqual(items[0], kept);
    assert.equal(await sum([kept as never], 0), 0);
    await assert.rejects(sum([(() => 1) as never], 0), { message: /is a function/ });
  });

  it('makes of errors what a server would: those of a mock behind it are not those of the front', async () => {
    const back = mockService(Feed, {
      sum: () => {
        throw new RpcError('NOT_FOUND', 'no such row');
      },
    });
    const front = mockService(Feed, {
      async *numbers() {
        yield 1;
        yield await back.sum([], 0);
      },
      sum: () => {
        throw new TypeError('x is not a function');
      },
    });
    await assert.rejects(collect(front.numbers(1)), (error: RpcError) => {
      assert.deepEqual([error.code, error.method, error.progress], ['INTERNAL', 'numbers', 'processed']);
      assert.doesNotMatch(error.message, /no such row/);
      assert.equal((error.cause as RpcError).reason, 'no such row');
      return true;
    });
    await assert.rejects(front.sum([], 0), failed('INTERNAL', /^x is not a function$/));
  });

  it('takes the options of a call, and gives the function a context that ends with it', async () => {
    let context: CallContext | undefined;
    const { with: withOptions } = mockService(Feed, {
      async *numbers() {
        context = callContext();
        yield 1;
        await new Promise((_, reject) => context!.signal.addEventListener('abort', () => reject(new Error('aborted'))));
      },
    });
    const stopper = new AbortController();
    const { numbers } = withOptions({ metadata: { tenant: 'blue' } }).with({ signal: stopper.signal });
    const items = numbers(1)[Symbol.asyncIterator]();
    assert.deepEqual(await items.next(), { done: false, value: 1 });
    stopper.abort(new Error('enough'));
    await assert.rejects(items.next(), failed('CANCELLED', /^enough$/));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([context?.metadata['tenant'], context?.signal.aborted], ['blue', true]);
  });

  it('rejects for a method that was not given, with the first item of a stream', async () => {
    const feed = mockService(Feed, {});
    await assert.rejects(collect(feed.numbers(1)), { code: 'UNIMPLEMENTED', service: 'feed', method: 'numbers' });
    await assert.rejects(feed.sum([], 0), { reason: 'mockService: feed.sum was not given' });
    await assert.rejects(collect(feed.chat([], 'x')), { code: 'UNIMPLEMENTED', method: 'chat' });
  });

  it('refuses what is not iterable, on both sides', async () => {
    const feed = mockService(Feed, { numbers: (() => 5) as never, sum: () => 0, chat: () => [] });
    await assert.rejects(
      collect(feed.numbers(1)),
      failed('INTERNAL', /^feed.numbers: what the handler gives must be an async iterable or an iterable$/),
    );
    await assert.rejects(feed.sum(5 as never, 0), TypeError);
    assert.throws(() => feed.chat('text' as never, 'x'), {
      name: 'TypeError',
      message: 'feed.chat: the first argument must be an async iterable or an iterable',
    });
  });
});
