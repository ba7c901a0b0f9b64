// A node that can be made ill, in a process of its own: `node-process.ts REGISTRY`. Writes a line when it is registered and one with its first call, and reads
// lines of JSON: how it behaves from then on.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, defineService, method, RpcError } from '@org/rpc';
import type { Illness } from './scenes.js';

const Ill = defineService('ill', { work: method<() => Promise<number>>() });

let now: Illness = {};
let isCalled = false;
const server = createServer({ registry: process.argv[2]!, signals: { names: ['SIGTERM'], graceMs: 1_000 } });
server.add(Ill, {
  async work() {
    if (!isCalled) process.stdout.write('called\n');
    isCalled = true;
    const { failShare = 0, code = 'UNAVAILABLE', slowTimes = 1, slowShare = 1, slowMs } = now;
    if (Math.random() < failShare) throw new RpcError(code, 'made ill on purpose');
    const usualMs = -20 * Math.log(1 - Math.random());
    const isSlow = Math.random() < slowShare;
    await sleep(isSlow ? (slowMs ?? usualMs * slowTimes) : usualMs);
    return process.pid;
  },
});
createInterface({ input: process.stdin }).on('line', (line) => {
  now = JSON.parse(line) as Illness;
});
await server.listen({ port: 0, host: '127.0.0.1' });
await server.registered;
process.stdout.write('registered\n');
