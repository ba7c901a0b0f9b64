// A server with workers: node server.mjs PORT WORKERS. Says its workers' processes when all of them listen.

import { createServer, defineService, memory, method, stream } from '@org/rpc';

const [port, workers] = process.argv.slice(2).map(Number);
const server = createServer({ registry: memory() });
const idempotent = method({ idempotent: true });
server.add(defineService('bench', { echo: idempotent, sum: idempotent, items: stream() }), {
  echo: (value) => value,
  sum: (x, y) => x + y,
  items: async function* () {},
});
await server.listen({ port, host: '127.0.0.1', workers });
// Only the process that watches knows of workers.
const pids = server.state().workers?.map(({ pid }) => pid);
if (pids !== undefined) {
  process.on('disconnect', () => process.exit(0));
  process.send({ pids });
}
