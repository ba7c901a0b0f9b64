// The other end in the slow-consumer benchmark: `peer-process.ts PORT slow|fast|writer NAME...`, one connection for each name.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, direct } from '@org/rpc';
import { Feed, ITEM_BYTES } from './feed.js';

const [port, role, ...names] = process.argv.slice(2);
const counts: Record<string, number> = {};

async function read(name: string): Promise<void> {
  const client = createClient({ registry: direct([`127.0.0.1:${port}`]) });
  for await (const _ of client.service(Feed).items(name)) {
    counts[name]!++;
    if (role === 'slow') await sleep(100);
  }
}

async function write(name: string): Promise<void> {
  const client = createClient({ registry: direct([`127.0.0.1:${port}`]) });
  await client.service(Feed).record(
    (async function* () {
      for (;;) {
        counts[name]!++;
        yield Buffer.alloc(ITEM_BYTES, counts[name]);
      }
    })(),
    name,
  );
}

process.once('disconnect', () => process.exit());
process.on('message', () => process.send?.(counts));
for (const name of names) {
  counts[name] = 0;
  void (role === 'writer' ? write(name) : read(name));
}
