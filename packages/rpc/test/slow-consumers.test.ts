import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, defineService, stream, upload } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const ITEM_BYTES = 64 * 1024;
/** What one stream may have under way whose reader does not keep up, in items. */
const WINDOW = DEFAULT_LIMITS.streamCreditBytes / 4 / ITEM_BYTES;
/** What all streams of a connection may have under way, with what is lent for readers that stand still, in items. */
const CONNECTION_WINDOW = (DEFAULT_LIMITS.connectionCreditBytes + DEFAULT_LIMITS.inFlightRequestBytes) / ITEM_BYTES;

const Feed = defineService('feed', {
  items: stream<(reader: number) => AsyncIterable<Uint8Array>>(),
  record: upload<(items: AsyncIterable<Uint8Array>) => Promise<number>>(),
});

/** More than any test pulls: without a bound here, a producer that nothing holds back would hang the test instead of failing it. */
const PULLED_MAX = 200;

/** An endless source that counts what was pulled of it. */
class Endless implements AsyncIterable<Uint8Array> {
  pulled = 0;

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.pulled < PULLED_MAX) {
      this.pulled++;
      yield new Uint8Array(ITEM_BYTES);
    }
  }
}

describe('an endless stream of 64 KiB items', () => {
  const clock = new FakeClock(1_000);
  let sources: Endless[] = [];
  let takeOne = (): void => {};
  let recorded = 0;
  const server = createServer({ registry: memory(), clock }).add(Feed, {
    items(reader) {
      sources[reader] = new Endless();
      return sources[reader];
    },
    async record(items) {
      recorded = 0;
      for await (const _ of items) {
        recorded++;
        await new Promise<void>((resolve) => {
          takeOne = resolve;
        });
        if (recorded === 50) break;
      }
      return recorded;
    },
  });
  const client = connect(server, { clock, random: seededRandom(1) });
  const feed = client.service(Feed);
  beforeEach(() => {
    sources = [];
  });
  after(() => client.close());

  it('is pulled a window and one item ahead of a reader that stands still, and no further', async () => {
    const items = feed.items(0)[Symbol.asyncIterator]();
    await items.next();
    await clock.advance(30_000);
    // Beside the one that was taken: four fill the window, one more may be in the hand of the producer.
    assert.ok(sources[0]!.pulled - 1 <= WINDOW + 1, `${sources[0]!.pulled} pulled`);
    await items.return?.();
  });

  it('is pulled no further for many readers than the window of their connection and one item each', async () => {
    const readers = Array.from({ length: 200 }, (_, index) => feed.items(index)[Symbol.asyncIterator]());
    let taken = 0;
    const first = readers.map((reader) => reader.next().then(() => taken++));
    await clock.advance(30_000);
    const pulled = sources.reduce((sum, source) => sum + source.pulled, 0);
    assert.equal(sources.length, 200);
    assert.ok(pulled - taken <= CONNECTION_WINDOW + readers.length, `${pulled} pulled, ${taken} taken`);
    await Promise.all(readers.map((reader) => reader.return?.()));
    await Promise.allSettled(first);
  });

  it('is pulled from a writer a window and one item ahead of its handler, however long it goes on', async () => {
    const source = new Endless();
    const result = feed.record(source);
    for (let round = 1; round <= 50; round++) {
      await clock.advance(1_000);
      assert.equal(recorded, round);
      assert.ok(source.pulled - recorded <= WINDOW + 1, `${source.pulled} pulled, ${recorded} taken`);
      takeOne();
    }
    assert.equal(await result, 50);
  });
});
