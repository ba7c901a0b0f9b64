// The server of the slow-consumer benchmark: tells its port to the parent, then its memory and counts whenever it is asked.
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, memory } from '@org/rpc';
import { Feed, ITEM_BYTES, type ServerReport } from './feed.js';

const produced: Record<string, number> = {};
const taken: Record<string, number> = {};

const server = createServer({ registry: memory() }).add(Feed, {
  async *items(reader) {
    produced[reader] = 0;
    for (;;) {
      produced[reader]++;
      // Fresh memory for each, so that what is held back shows.
      yield Buffer.alloc(ITEM_BYTES, produced[reader]);
    }
  },
  async record(items, writer) {
    taken[writer] = 0;
    for await (const _ of items) {
      taken[writer]++;
      await sleep(100);
    }
    return taken[writer];
  },
});
process.once('disconnect', () => process.exit());
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ port });
process.on('message', () => {
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const report: ServerReport = { rssBytes: rss, heapBytes: heapUsed, bufferBytes: arrayBuffers, produced, taken };
  process.send?.(report);
});
