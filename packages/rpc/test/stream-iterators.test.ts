import assert from 'node:assert/strict';
import type { Client } from '@org/rpc-client';
import { defineService, duplex, method, type ServiceClient, type ServiceHandlers, stream, upload } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer, type Server } from '@org/rpc-server';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<() => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => Promise<number>>(),
  chat: duplex<(items: AsyncIterable<number>) => AsyncIterable<number>>(),
  ping: method<() => string>(),
});

interface Open extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly server: Server;
  readonly client: Client;
  readonly feed: ServiceClient<typeof Feed>;
}

function open(handlers: Partial<ServiceHandlers<typeof Feed>>): Open {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock });
  server.on('handlerError', () => {});
  const numbers = (): number[] => [];
  server.add(Feed, { numbers, sum: () => 0, chat: numbers, ping: () => 'pong', ...handlers });
  const client = connect(server, { clock, random: seededRandom(1) });
  return { clock, server, client, feed: client.service(Feed), [Symbol.asyncDispose]: () => client.close() };
}

/** An iterator by hand: what it does to `next` and `return`, and how often it was asked. */
class Iterator implements AsyncIterable<number>, AsyncIterator<number> {
  asked = 0;
  returned = 0;
  readonly #next: (count: number) => Promise<IteratorResult<number>>;
  readonly #return: () => Promise<IteratorResult<number>>;

  constructor(
    next: (count: number) => Promise<IteratorResult<number>>,
    onReturn: () => Promise<IteratorResult<number>> = async () => ({ done: true, value: undefined }),
  ) {
    this.#next = next;
    this.#return = onReturn;
  }

  next(): Promise<IteratorResult<number>> {
    return this.#next(this.asked++);
  }

  return(): Promise<IteratorResult<number>> {
    this.returned++;
    return this.#return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const counting = async (value: number): Promise<IteratorResult<number>> => ({ done: false, value });
const never = (): Promise<never> => new Promise(() => {});

/** Reads the first item and leaves the loop; gives the server time to hear of it. */
async function takeOne(items: AsyncIterable<number>, clock: FakeClock): Promise<number | undefined> {
  let first: number | undefined;
  for await (const item of items) {
    first = item;
    break;
  }
  await clock.advance(10);
  return first;
}

describe('iterators of handlers that do not behave', () => {
  it('one whose next() rejects ends the stream with an error, and is not asked again', async () => {
    const source = new Iterator(async (count) => {
      if (count === 1) throw new Error('broken');
      return { done: false, value: count };
    });
    await using at = open({ numbers: () => source });
    const items = at.feed.numbers()[Symbol.asyncIterator]();
    assert.deepEqual(await items.next(), { done: false, value: 0 });
    await assert.rejects(items.next(), { code: 'INTERNAL' });
    await at.clock.advance(10);
    assert.deepEqual([source.asked, at.server.running], [2, 0]);
    assert.equal(await at.feed.ping(), 'pong');
  });

  it('one whose next() throws at once ends the stream with an error', async () => {
    const source = new Iterator(() => {
      throw new Error('broken');
    });
    await using at = open({ numbers: () => source });
    await assert.rejects(at.feed.numbers()[Symbol.asyncIterator]().next(), { code: 'INTERNAL' });
    assert.equal(at.server.running, 0);
  });

  it('one without return() is simply let go', async () => {
    let asked = 0;
    const source = { next: () => counting(asked++) };
    await using at = open({ numbers: () => ({ [Symbol.asyncIterator]: () => source }) });
    assert.equal(await takeOne(at.feed.numbers(), at.clock), 0);
    const before = asked;
    await at.clock.advance(1_000);
    assert.deepEqual([asked, at.server.running], [before, 0]);
  });

  it('one whose return() rejects is let go all the same', async () => {
    const source = new Iterator(counting, () => Promise.reject(new Error('stuck')));
    await using at = open({ numbers: () => source });
    assert.equal(await takeOne(at.feed.numbers(), at.clock), 0);
    assert.deepEqual([source.returned, at.server.running], [1, 0]);
    assert.equal(await at.feed.ping(), 'pong');
  });

  it('one that goes on yielding after return() is not asked again', async () => {
    const source = new Iterator(counting, () => counting(99));
    await using at = open({ numbers: () => source });
    assert.equal(await takeOne(at.feed.numbers(), at.clock), 0);
    const before = source.asked;
    await at.clock.advance(1_000);
    assert.deepEqual([source.returned, source.asked, at.server.running], [1, before, 0]);
  });
});

describe('sources of callers that do not behave', () => {
  it('one that ends at once is an upload of nothing', async () => {
    await using at = open({
      async sum(items) {
        let count = 0;
        for await (const _ of items) count++;
        return count;
      },
    });
    assert.equal(await at.feed.sum(new Iterator(async () => ({ done: true, value: undefined }))), 0);
  });

  it('one that never yields is left when the handler answers', async () => {
    const source = new Iterator(never);
    await using at = open({ sum: () => 7 });
    assert.equal(await at.feed.sum(source), 7);
    await at.clock.advance(10);
    assert.deepEqual([source.asked <= 1, at.server.running], [true, 0]);
  });

  it('one that yields after return() does not bother the call that was left', async () => {
    const source = new Iterator(counting, () => counting(99));
    await using at = open({
      async *chat(items) {
        for await (const item of items) yield item;
      },
    });
    assert.equal(await takeOne(at.feed.chat(source), at.clock), 0);
    const before = source.asked;
    await at.clock.advance(1_000);
    assert.deepEqual([source.returned, source.asked, at.server.running], [1, before, 0]);
    assert.equal(await at.feed.ping(), 'pong');
  });

  it('one whose return() rejects does not change the result', async () => {
    const source = new Iterator(counting, () => Promise.reject(new Error('stuck')));
    await using at = open({
      async sum(items) {
        for await (const item of items) return item + 1;
        return 0;
      },
    });
    assert.equal(await at.feed.sum(source), 1);
    await at.clock.advance(10);
    assert.deepEqual([source.returned, at.server.running], [1, 0]);
  });
});

describe('a stream that its reader abandons without a word', () => {
  it('holds the producer at its window, and ends when its client closes', async () => {
    const source = new Iterator(counting);
    const at = open({ numbers: () => source });
    const items = at.feed.numbers()[Symbol.asyncIterator]();
    await items.next();
    await at.clock.advance(600_000);
    const { asked } = source;
    await at.clock.advance(600_000);
    assert.equal(source.asked, asked);
    assert.equal(at.server.running, 1);
    await at.client.close();
    await at.clock.advance(10);
    assert.deepEqual([source.returned, at.server.running], [1, 0]);
  });

  it('ends by its deadline where it has one', async () => {
    const source = new Iterator(counting);
    await using at = open({ numbers: () => source });
    await at.feed.with({ timeoutMs: 5_000 }).numbers()[Symbol.asyncIterator]().next();
    await at.clock.advance(5_010);
    assert.deepEqual([source.returned, at.server.running], [1, 0]);
  });
});
