import assert from 'node:assert/strict';
import { promiseHooks } from 'node:v8';
import { createClient, createServer, defineService, memory, stream, upload } from '@org/rpc';

const ITEMS = 5_000;

const Counted = defineService('counted', {
  items: stream<(count: number) => AsyncIterable<number>>(),
  sum: upload<(values: AsyncIterable<number>) => Promise<number>>(),
});

async function* count(to: number): AsyncIterable<number> {
  for (let i = 0; i < to; i++) yield i;
}

/** How many promises `run` makes, everything in this process included. */
async function promisesOf(run: () => Promise<unknown>): Promise<number> {
  let promises = 0;
  const stop = promiseHooks.onInit(() => promises++);
  try {
    await run();
  } finally {
    stop();
  }
  return promises;
}

describe('an item of a stream', () => {
  // Its generator makes three of them, the pump awaits the item, and its reader gets one and awaits it. Whoever finds no item waiting takes five
  // more: in a process that has just begun that may be one item in four.
  const PROMISES_MAX = 7.6;

  it('takes no more promises than it must, from the generator to the reader', async () => {
    const registry = memory();
    const server = createServer({ registry }).add(Counted, {
      items: count,
      async sum(values) {
        let sum = 0;
        for await (const value of values) sum += value;
        return sum;
      },
    });
    await server.listen({ port: 0, host: '127.0.0.1' });
    const client = createClient({ registry });
    try {
      const counted = client.service(Counted);
      const read = async (items: number): Promise<void> => {
        let next = 0;
        for await (const value of counted.items(items)) assert.equal(value, next++);
        assert.equal(next, items);
      };
      const write = async (items: number): Promise<void> => {
        assert.equal(await counted.sum(count(items)), (items * (items - 1)) / 2);
      };
      for (const [what, run] of Object.entries({ read, write })) {
        await run(1);
        // Whatever else the process still does, such as loading modules, can only add to one of them.
        const counts: number[] = [];
        for (let i = 0; i < 3; i++) counts.push(await promisesOf(() => run(ITEMS)));
        const promises = Math.min(...counts);
        assert.ok(promises / ITEMS <= PROMISES_MAX, `${what}: ${promises / ITEMS} promises an item`);
      }
    } finally {
      await client.close();
      await server.close();
    }
  });
});
