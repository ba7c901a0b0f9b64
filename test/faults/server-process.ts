// A server process of the fault tests: `server-process.ts REGISTRY PORT`. Writes a line to stdout when it is registered.
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from '@org/rpc';
import { Probe } from './service.js';

const [registry, port] = process.argv.slice(2);
const server = createServer({ registry, signals: ['SIGTERM'] });
server.add(Probe, {
  async ask(delayMs) {
    if (delayMs > 0) await sleep(delayMs);
    return process.pid;
  },
  once: () => process.pid,
});
const address = await server.listen({ port: Number(port ?? 0), host: '127.0.0.1' });
await server.registered;
process.stdout.write(`${JSON.stringify({ port: address.port, instance: server.instance })}\n`);
