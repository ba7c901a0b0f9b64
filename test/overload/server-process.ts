// A server that is asked for more than it can do, in a process of its own: `server-process.ts OPTIONS`, the JSON of options of `createServer`
// and `authorizeMs`, how long it takes to say who may call. Writes its port.
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, memory } from '@org/rpc';
import { Work } from './service.js';

const { authorizeMs, ...options } = JSON.parse(process.argv[2] ?? '{}') as { authorizeMs?: number };
let ran = 0;
let connections = 0;
const server = createServer({
  registry: memory(),
  ...options,
  ...(authorizeMs === undefined
    ? {}
    : {
        authorize: async ({ method }) => {
          if (method === 'compute') await sleep(authorizeMs);
        },
      }),
});
server.add(Work, {
  compute(ms) {
    ran++;
    const until = performance.now() + ms;
    while (performance.now() < until);
    return ms;
  },
  ran: () => ran,
  spent() {
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1_000, connections };
  },
});
server.on('connectionOpened', () => connections++);
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${port}\n`);
process.on('disconnect', () => process.exit());
