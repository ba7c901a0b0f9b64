// Two servers of one process, each with signals: the first closes at once, the second when its handler has ended.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, createServer, defineService, memory, method } from '@org/rpc';

const registry = memory();
const Quick = defineService('quick', { run: method<() => void>() });
const Slow = defineService('slow', { run: method<() => void>({ timeoutMs: 20_000 }) });

const quick = createServer({ registry, signals: ['SIGTERM'] }).add(Quick, { run: () => {} });
const slow = createServer({ registry, signals: ['SIGTERM'] });
slow.add(Slow, {
  run: async () => {
    console.log('running');
    await sleep(Number(process.argv[2]));
    console.log('served');
  },
});
quick.on('closed', () => console.log('quick closed'));
slow.on('closed', () => console.log('slow closed'));
await quick.listen({ host: '127.0.0.1' });
await slow.listen({ host: '127.0.0.1' });
createClient({ registry })
  .service(Slow)
  .run()
  .catch(() => {});
// As most programs do, it has something else that would hold the process.
setInterval(() => {}, 1_000);
