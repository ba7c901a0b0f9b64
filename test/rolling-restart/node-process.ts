// A node of the rolling restart, in a process of its own: `node-process.ts REGISTRY`. Writes a line of JSON when it is registered, and
// one with what it was told when it is closed.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { callContext, createServer } from '@org/rpc';
import { Rolling } from './service.js';

const [registry = ''] = process.argv.slice(2);
let told = 0;
const server = createServer({ registry, signals: { names: ['SIGTERM'], graceMs: 8_000 } });
server.add(Rolling, {
  async ask(id) {
    await sleep(5);
    return id;
  },
  async once(id) {
    await sleep(2);
    return id;
  },
  tell: () => void told++,
  async *count(upTo) {
    for (let item = 1; item <= upTo; item++) {
      yield item;
      await sleep(5);
    }
  },
  async sum(items) {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  },
  async *echo(items) {
    yield* items;
  },
  async *news() {
    for (let item = 1; ; item++) {
      yield item;
      await sleep(20);
    }
  },
  async *bulletin() {
    const { draining } = callContext()!;
    for (let item = 1; !draining.aborted; item++) {
      yield item;
      await sleep(20);
    }
  },
});
server.on('handlerError', ({ method, error }) => writeSync(2, `${method}: ${String(error)}\n`));
server.on('closed', () => writeSync(1, `${JSON.stringify({ told })}\n`));
await server.listen({ port: 0, host: '127.0.0.1' });
await server.registered;
writeSync(1, `${JSON.stringify({ ready: true })}\n`);
