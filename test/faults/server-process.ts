// Servers in a process of their own, for the fault tests: `server-process.ts REGISTRY PORT COUNT`, the registry as a string or as
// the JSON of the options of `etcd`. Writes a line of JSON when all are registered, and one for each event of the registry.
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, etcd } from '@org/rpc';
import { Probe } from './service.js';

const [registry = '', port, count = '1'] = process.argv.slice(2);
const write = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const servers = await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const server = createServer({
      registry: registry.startsWith('{') ? etcd(JSON.parse(registry)) : registry,
      signals: ['SIGTERM'],
    });
    server.on('registry', ({ kind, message }) => write({ event: kind, message }));
    server.add(Probe, {
      async ask(delayMs) {
        if (delayMs > 0) await sleep(delayMs);
        return process.pid;
      },
      once: () => process.pid,
    });
    const address = await server.listen({ port: Number(port ?? 0), host: '127.0.0.1' });
    return { server, port: address.port };
  }),
);
await Promise.all(servers.map(({ server }) => server.registered));
write({
  port: servers[0]?.port,
  instance: servers[0]?.server.instance,
  instances: servers.map(({ server }) => server.instance),
});
