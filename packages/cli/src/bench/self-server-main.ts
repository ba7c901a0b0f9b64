import { createServer, defineService, memory, method } from '@org/rpc';

/** What `rpc bench --self` measures: the smallest methods that make sense. */
const SelfService = defineService('bench', {
  /** Two numbers in, one out: the overhead of a call. */
  sum: method<(x: number, y: number) => number>({ idempotent: true }),
  /** Whatever comes in: the cost of a payload. */
  echo: method<(value: unknown) => unknown>({ idempotent: true }),
});

// The process that `rpc bench --self` starts: tells its port to the parent and serves until the parent lets go of it, which
// is also what happens when the parent dies.
// Ctrl-C reaches the whole process group: the parent still has calls to finish here.
process.on('SIGINT', () => {});

const server = createServer({ registry: memory() });
server.add(SelfService, { sum: (x, y) => x + y, echo: (value) => value });
process.once('disconnect', () => void server.close({ drainMs: 0, graceMs: 0 }));
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ port });
