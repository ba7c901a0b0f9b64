import { createServer, memory } from '@org/rpc';
import { Work } from './work.js';

/** A server process that has few descriptors, for their test. It says on which port it listens, then each `acceptError`. */
const server = createServer({ registry: memory() });
server.add(Work, { run: (value) => value, safe: (value) => value, tell: () => {} });
server.on('acceptError', ({ error }) => process.stdout.write(`${error.message}\n`));
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${port}\n`);
