import { createServer, local, systemClock } from '@org/rpc';
import { Work } from './work.js';

/** A server process for tests of signals: `signalled-server.ts DIRECTORY`. It says `ready` when it is registered. */
const server = createServer({
  registry: local({ directory: process.argv[2] }),
  signals: ['SIGTERM', 'SIGINT'],
});
server.add(Work, {
  run: (ms) => new Promise((resolve) => systemClock.schedule(ms as number, () => resolve(server.instance))),
  safe: () => new Promise(() => {}),
  tell: () => {},
});
server.on('draining', ({ reason }) => process.stdout.write(`draining: ${reason}\n`));
await server.listen();
await server.registered;
process.stdout.write('ready\n');
