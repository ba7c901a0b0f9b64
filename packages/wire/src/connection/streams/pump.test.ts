import assert from 'node:assert/strict';
import type { ItemSender } from '@org/rpc-core';
import { pump } from './pump.js';

/** A sender that takes everything, and what it was given. */
function sink(): ItemSender & { readonly sent: unknown[] } {
  const sent: unknown[] = [];
  const sender = { isClosed: false, untilOpen: () => undefined, untilFree: () => undefined, end() {}, close() {} };
  return { ...sender, sent, send: (value) => void sent.push(value) };
}

async function* generated(count: number): AsyncIterable<number> {
  for (let i = 0; i < count; i++) yield i;
}

describe('a pump', () => {
  const sources = {
    'an iterator': (count: number) => Array.from({ length: count }, (_, i) => i)[Symbol.iterator](),
    'a generator': (count: number) => generated(count)[Symbol.asyncIterator](),
  };
  for (const [what, source] of Object.entries(sources))
    it(`lets others have their turn between the items of ${what} that never waits`, async () => {
      const sender = sink();
      const { done } = pump(source(1_000), sender);
      const perTurn: number[] = [];
      let before = 0;
      let isDone = false;
      void done.then(() => (isDone = true));
      while (!isDone) {
        await new Promise((resolve) => setImmediate(resolve));
        perTurn.push(sender.sent.length - before);
        before = sender.sent.length;
      }
      assert.equal(await done, 'ended');
      assert.deepEqual(
        sender.sent,
        Array.from({ length: 1_000 }, (_, i) => i),
      );
      assert.ok(Math.max(...perTurn) <= 128, perTurn.join(' '));
    });
});
