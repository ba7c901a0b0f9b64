import assert from 'node:assert/strict';
import type { Client, ClientOptions } from '@org/rpc-client';
import {
  callContext,
  contextKey,
  defineService,
  duplex,
  isRpcError,
  method,
  RpcError,
  type ServiceClient,
  type ServiceHandlers,
  stream,
  upload,
} from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer, type Server, type ServerOptions } from '@org/rpc-server';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<(limit: number) => AsyncIterable<number>>(),
  blobs: stream<(bytes: number) => AsyncIterable<Uint8Array>>(),
  sum: upload<(items: AsyncIterable<number>, from: number) => Promise<number>>(),
  take: upload<(items: AsyncIterable<Uint8Array>) => Promise<number>>(),
  chat: duplex<(items: AsyncIterable<string>, name: string) => AsyncIterable<string>>(),
  ping: method<() => string>(),
});

type Handlers = ServiceHandlers<typeof Feed>;

async function* count(limit: number): AsyncGenerator<number> {
  for (let i = 0; i < limit; i++) yield i;
}

const HANDLERS: Handlers = {
  numbers: count,
  async *blobs(bytes) {
    for (;;) yield new Uint8Array(bytes);
  },
  async sum(items, from) {
    let sum = from;
    for await (const item of items) sum += item;
    return sum;
  },
  async take(items) {
    for await (const _ of items) return 1;
    return 0;
  },
  async *chat(items, name) {
    for await (const item of items) yield `${name}: ${item}`;
  },
  ping: () => 'pong',
};

interface OpenFeed extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly server: Server;
  readonly client: Client;
  readonly feed: ServiceClient<typeof Feed>;
}

function openFeed(handlers: Partial<Handlers> = {}, client: ClientOptions = {}, options: ServerOptions = {}): OpenFeed {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock, ...options });
  server.on('handlerError', () => {});
  server.add(Feed, { ...HANDLERS, ...handlers });
  const opened = connect(server, { clock, random: seededRandom(1), ...client });
  return {
    clock,
    server,
    client: opened,
    feed: opened.service(Feed),
    [Symbol.asyncDispose]: () => opened.close(),
  };
}

async function collect<T>(items: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const item of items) into.push(item);
  return into;
}

/** A source that records how far it was pulled and whether it was let go. */
class Source implements AsyncIterable<number> {
  pulled = 0;
  returned = 0;
  readonly #limit: number;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    try {
      while (this.pulled < this.#limit) yield this.pulled++;
    } finally {
      this.returned++;
    }
  }
}

describe('a server stream', () => {
  it('gives every item in order, then ends', async () => {
    await using open = openFeed();
    assert.deepEqual(await collect(open.feed.numbers(5)), [0, 1, 2, 3, 4]);
    assert.deepEqual(await collect(open.feed.numbers(0)), []);
    assert.equal(open.server.running, 0);
  });

  it('brings thousands of items through a window that holds few of them', async () => {
    await using open = openFeed();
    const items = await collect(open.feed.numbers(100_000));
    assert.equal(items.length, 100_000);
    assert.equal(items.at(-1), 99_999);
  });

  it('does nothing until the first item is asked for', async () => {
    let started = 0;
    await using open = openFeed({
      numbers: (limit) => {
        started++;
        return count(limit);
      },
    });
    const items = open.feed.numbers(1)[Symbol.asyncIterator]();
    await open.clock.advance(10);
    assert.equal(started, 0);
    await items.next();
    assert.equal(started, 1);
    await items.return?.();
  });

  it('may come from any iterable', async () => {
    await using open = openFeed({ numbers: () => [7, 8] });
    assert.deepEqual(await collect(open.feed.numbers(1)), [7, 8]);
  });

  it('says so when the handler gives something else', async () => {
    await using open = openFeed({ numbers: (() => 5) as never });
    await assert.rejects(collect(open.feed.numbers(1)), { code: 'INTERNAL' });
    assert.equal(open.server.running, 0);
  });

  it('stops the producer when the reader breaks off', async () => {
    const source = new Source();
    let aborted = false;
    await using open = openFeed({
      async *numbers() {
        callContext()!.signal.addEventListener('abort', () => {
          aborted = true;
        });
        yield* source;
      },
    });
    for await (const item of open.feed.numbers(1)) if (item === 3) break;
    await open.clock.advance(0);
    assert.deepEqual([source.returned, aborted, open.server.running], [1, true, 0]);
    assert.equal(await open.feed.ping(), 'pong');
  });

  it('stops the producer when the loop throws', async () => {
    const source = new Source();
    await using open = openFeed({ numbers: () => source });
    await assert.rejects(
      (async () => {
        for await (const _ of open.feed.numbers(1)) throw new Error('mine');
      })(),
      { message: 'mine' },
    );
    await open.clock.advance(0);
    assert.deepEqual([source.returned, open.server.running], [1, 0]);
  });

  it('stops the producer when the signal aborts, with CANCELLED', async () => {
    const source = new Source();
    await using open = openFeed({ numbers: () => source });
    const controller = new AbortController();
    const items: number[] = [];
    await assert.rejects(
      (async () => {
        for await (const item of open.feed.with({ signal: controller.signal }).numbers(1))
          if (items.push(item) === 2) controller.abort(new Error('enough'));
      })(),
      (error) => isRpcError(error, 'CANCELLED') && (error.cause as Error).message === 'enough',
    );
    await open.clock.advance(0);
    assert.deepEqual([source.returned, open.server.running], [1, 0]);
  });

  it('brings an error after all the items before it', async () => {
    await using open = openFeed({
      async *numbers() {
        yield 1;
        yield 2;
        throw new RpcError('NOT_FOUND', 'no third', { details: { at: 3 } });
      },
    });
    const items: number[] = [];
    await assert.rejects(collect(open.feed.numbers(1), items), {
      code: 'NOT_FOUND',
      details: { at: 3 },
      service: 'feed',
      method: 'numbers',
    });
    assert.deepEqual(items, [1, 2]);
  });

  it('hides what a handler throws at once', async () => {
    await using open = openFeed({
      numbers: () => {
        throw new Error('secret');
      },
    });
    await assert.rejects(collect(open.feed.numbers(1)), (error) => {
      assert.ok(isRpcError(error, 'INTERNAL'));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.equal(open.server.running, 0);
  });

  it('refuses an item that is too large, and lets the handler go', async () => {
    let returned = false;
    await using open = openFeed(
      {
        async *blobs() {
          try {
            yield new Uint8Array(5_000);
          } finally {
            returned = true;
          }
        },
      },
      { limits: { messageBytes: 4096 } },
    );
    await assert.rejects(collect(open.feed.blobs(1)), { code: 'RESOURCE_EXHAUSTED' });
    assert.equal(returned, true);
  });

  it('holds the producer back while the reader is slow', async () => {
    let produced = 0;
    await using open = openFeed({
      async *blobs(bytes) {
        for (;;) {
          produced++;
          yield new Uint8Array(bytes);
        }
      },
    });
    const items = open.feed.blobs(1_000)[Symbol.asyncIterator]();
    for (let consumed = 1; consumed <= 500; consumed++) {
      await items.next();
      if (consumed % 50 === 0) await open.clock.advance(1);
      // A window of 256 KiB, and one item in the hand of the pump.
      assert.ok(produced - consumed <= 263, `${produced} produced, ${consumed} consumed`);
    }
    await items.return?.();
  });

  it('keeps few of 64 KiB items in memory, however many there are', async () => {
    let produced = 0;
    await using open = openFeed({
      async *blobs(bytes) {
        for (;;) {
          produced++;
          yield new Uint8Array(bytes);
        }
      },
    });
    let consumed = 0;
    for await (const item of open.feed.blobs(64 * 1024)) {
      assert.equal(item.length, 64 * 1024);
      consumed++;
      await open.clock.advance(1);
      // Four fill the window; two more are in hands.
      assert.ok(produced - consumed <= 6, `${produced} produced, ${consumed} consumed`);
      if (consumed === 200) break;
    }
  });

  it('leaves room for other calls while many readers stand still', async () => {
    await using open = openFeed();
    const readers = Array.from({ length: 12 }, () => open.feed.blobs(1_000)[Symbol.asyncIterator]());
    await Promise.all(readers.map((reader) => reader.next()));
    await open.clock.advance(0);
    assert.equal(await open.feed.ping(), 'pong');
    // What was not read is given back: the credit of the connection is whole again.
    await Promise.all(readers.map((reader) => reader.return?.()));
    await open.clock.advance(0);
    assert.equal((await collect(open.feed.numbers(100_000))).length, 100_000);
  });

  it('has no total deadline unless it is asked for', async () => {
    await using open = openFeed(
      {
        async *numbers() {
          for (let i = 0; ; i++) {
            await new Promise<void>((resolve) => void open.clock.schedule(30_000, resolve));
            yield i;
          }
        },
      },
      { timeoutMs: 500 },
    );
    const items: number[] = [];
    const reading = (async () => {
      for await (const item of open.feed.numbers(1)) if (items.push(item) === 5) break;
    })();
    await open.clock.advance(200_000);
    await reading;
    assert.deepEqual(items, [0, 1, 2, 3, 4]);
  });

  it('ends at the deadline that was asked for, on both sides', async () => {
    const source = new Source();
    await using open = openFeed({
      async *numbers() {
        yield* source;
      },
    });
    const items = open.feed.with({ timeoutMs: 100 }).numbers(1)[Symbol.asyncIterator]();
    await items.next();
    await open.clock.advance(200);
    await assert.rejects(collect({ [Symbol.asyncIterator]: () => items }), { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual([source.returned, open.server.running], [1, 0]);
  });

  it('ends when no item comes for the idle timeout', async () => {
    let reason: unknown;
    await using open = openFeed({
      async *numbers() {
        yield 1;
        const { signal } = callContext()!;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        reason = signal.reason;
      },
    });
    const items: number[] = [];
    const reading = assert.rejects(collect(open.feed.with({ idleTimeoutMs: 500 }).numbers(1), items), {
      message: 'DEADLINE_EXCEEDED: no item within 500 ms (idleTimeoutMs) (feed.numbers at memory:1)',
    });
    await open.clock.advance(1_000);
    await reading;
    assert.deepEqual(items, [1]);
    assert.ok(isRpcError(reason, 'CANCELLED'));
    assert.equal(open.server.running, 0);
  });

  it('does not call a slow reader idle', async () => {
    await using open = openFeed();
    const items = open.feed.with({ idleTimeoutMs: 100 }).numbers(3)[Symbol.asyncIterator]();
    for (const value of [0, 1, 2]) {
      assert.deepEqual(await items.next(), { done: false, value });
      await open.clock.advance(1_000);
    }
    assert.equal((await items.next()).done, true);
  });

  it('runs every step of the handler in the context of its call', async () => {
    const seen: unknown[] = [];
    const user = contextKey<string>('user');
    await using open = openFeed(
      {
        async *numbers(limit) {
          for (let i = 0; i < limit; i++) {
            seen.push(callContext()?.get(user));
            await undefined;
            seen.push(callContext()?.method);
            yield i;
          }
        },
      },
      {},
      { authorize: (call) => call.set(user, 'ann') },
    );
    await collect(open.feed.numbers(3));
    assert.deepEqual(seen, ['ann', 'numbers', 'ann', 'numbers', 'ann', 'numbers']);
  });

  it('fails after its items when the connection is lost', async () => {
    await using open = openFeed({
      async *numbers() {
        yield 1;
        yield 2;
        await new Promise(() => {});
      },
    });
    const items: number[] = [];
    const reading = assert.rejects(collect(open.feed.numbers(1), items), { code: 'UNAVAILABLE' });
    await open.clock.advance(0);
    const closing = open.server.close({ drainMs: 0, graceMs: 50 });
    await open.clock.advance(100);
    await closing;
    await reading;
    assert.deepEqual(items, [1, 2]);
  });

  it('is refused by authorize before its handler runs', async () => {
    let ran = false;
    const refuse = async (): Promise<void> => {
      throw new RpcError('PERMISSION_DENIED', 'no');
    };
    await using open = openFeed(
      {
        numbers: () => {
          ran = true;
          return [];
        },
      },
      {},
      { authorize: refuse },
    );
    await assert.rejects(collect(open.feed.numbers(1)), { code: 'PERMISSION_DENIED' });
    await assert.rejects(open.feed.sum([1, 2, 3], 1), { code: 'PERMISSION_DENIED' });
    assert.equal(ran, false);
  });

  it('passes on deadline and cancellation to the calls that its handler makes', async () => {
    let remainingMs = 0;
    const inner = openFeed({
      async *numbers() {
        remainingMs = callContext()!.remainingMs();
        await new Promise(() => {});
        yield 1;
      },
    });
    await using outer = openFeed({
      async *numbers(limit) {
        yield* inner.feed.numbers(limit);
      },
    });
    const reading = assert.rejects(collect(outer.feed.with({ timeoutMs: 100 }).numbers(1)), {
      code: 'DEADLINE_EXCEEDED',
    });
    await outer.clock.advance(10);
    await outer.clock.advance(100);
    await reading;
    assert.ok(remainingMs > 0 && remainingMs <= 100, `${remainingMs}`);
    await inner.client.close();
  });
});

describe('an upload', () => {
  it('sends every item and resolves with the result', async () => {
    await using open = openFeed();
    assert.equal(await open.feed.sum(count(100), 1), 4951);
    assert.equal(await open.feed.sum([1, 2], 0), 3);
    assert.equal(await open.feed.sum(new Set<number>(), 5), 5);
    assert.equal(open.server.running, 0);
  });

  it('rejects with the error of its own source, and stops the handler', async () => {
    let reason: unknown;
    await using open = openFeed({
      async sum(items) {
        try {
          for await (const _ of items);
        } catch (error) {
          reason = error;
          throw error;
        }
        return 0;
      },
    });
    async function* broken(): AsyncGenerator<number> {
      yield 1;
      await open.clock.advance(0);
      throw new Error('disk');
    }
    await assert.rejects(open.feed.sum(broken(), 0), { message: 'disk' });
    await open.clock.advance(0);
    assert.ok(isRpcError(reason, 'CANCELLED'));
    assert.equal(open.server.running, 0);
  });

  it('stops its source when the handler answers early', async () => {
    const source = new Source();
    await using open = openFeed({ sum: async (items) => (await items[Symbol.asyncIterator]().next()).value });
    assert.equal(await open.feed.sum(source, 0), 0);
    await open.clock.advance(0);
    assert.equal(source.returned, 1);
    assert.equal(await open.feed.ping(), 'pong');
  });

  it('holds its source back while the handler is slow', async () => {
    const source = new Source();
    let release = (): void => {};
    await using open = openFeed({
      async sum(items) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        for await (const item of items) if (item === 200_000) return item;
        return 0;
      },
    });
    const result = open.feed.sum(source, 0);
    for (let before = -1; source.pulled > before; ) {
      before = source.pulled;
      await open.clock.advance(10);
    }
    // Numbers of one to five bytes in a window of 256 KiB: 78,720 of them.
    assert.ok(source.pulled > 1_000 && source.pulled < 78_730, `${source.pulled}`);
    release();
    assert.equal(await result, 200_000);
  });

  it('rejects what is not iterable', async () => {
    await using open = openFeed();
    await assert.rejects(open.feed.sum(5 as never, 0), TypeError);
  });

  it('brings the error of its handler', async () => {
    await using open = openFeed({
      sum: () => {
        throw new RpcError('OUT_OF_RANGE', 'too much');
      },
    });
    await assert.rejects(open.feed.sum(new Source(), 0), { code: 'OUT_OF_RANGE' });
  });

  it('is INTERNAL when what its handler gives cannot be sent, as with any other method, and its caller does not see why', async () => {
    const unsendable = { secret: () => 1 } as never;
    await using open = openFeed({
      sum: () => unsendable,
      numbers: async function* () {
        yield 1;
        yield unsendable;
      },
    });
    const seen: string[] = [];
    open.server.on('handlerError', ({ method, error }) => seen.push(`${method} ${(error as Error).message}`));
    const isInternal = (error: unknown): boolean =>
      isRpcError(error, 'INTERNAL') && error.progress === 'processed' && !error.message.includes('secret');
    await assert.rejects(open.feed.sum([], 0), isInternal);
    await assert.rejects(collect(open.feed.numbers(2)), isInternal);
    assert.deepEqual(
      seen.map((text) => text.replace(/:.*/, '')),
      ['sum an item cannot be sent', 'numbers an item cannot be sent'],
    );
    assert.match(seen[0]!, /secret is a function/);
  });
});

describe('a duplex call', () => {
  it('carries items both ways at once', async () => {
    await using open = openFeed();
    assert.deepEqual(await collect(open.feed.chat(['a', 'b'], 'x')), ['x: a', 'x: b']);
  });

  it('answers while its source goes on', async () => {
    await using open = openFeed();
    let say = (_text: string): void => {};
    async function* source(): AsyncGenerator<string> {
      for (let i = 0; i < 3; i++) yield await new Promise<string>((resolve) => (say = resolve));
    }
    const replies = open.feed.chat(source(), 'x')[Symbol.asyncIterator]();
    for (const text of ['a', 'b', 'c']) {
      const reply = replies.next();
      await open.clock.advance(0);
      say(text);
      assert.equal((await reply).value, `x: ${text}`);
    }
    assert.equal((await replies.next()).done, true);
  });

  it('stops its source and its handler when the reader breaks off', async () => {
    const source = new Source();
    await using open = openFeed();
    for await (const _ of open.feed.chat(source as never, 'x')) break;
    await open.clock.advance(0);
    assert.deepEqual([source.returned, open.server.running], [1, 0]);
  });
});
