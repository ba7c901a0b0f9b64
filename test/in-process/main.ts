import { createClient, createServer, defineService, direct, memory, method } from '../../packages/rpc/src/index.js';

/*
 * What a call costs that stays in its process, beside a function and beside a socket whose both ends are in this process, in CPU time:
 *
 *     npm run bench:in-process
 */
const Calculator = defineService('calculator', { sum: method<(x: number, y: number) => number>() });

type Sum = (x: number, y: number) => Promise<number>;

const CALLS = 60_000;
const ROUNDS = 5;

async function microsecondsOf(sum: Sum, atOnce: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  // The first round warms up, and is never the least.
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS / atOnce; i++) await Promise.all(Array.from({ length: atOnce }, () => sum(i, 1)));
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / CALLS);
  }
  return least;
}

const server = createServer({ registry: memory() }).add(Calculator, { sum: (x, y) => x + y });
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
const inside = createClient({ server });
const outside = createClient({ registry: direct([`127.0.0.1:${port}`]) });
const ways: Readonly<Record<string, Sum>> = {
  'an async function': async (x, y) => x + y,
  'in process': inside.service(Calculator).sum,
  'by a socket': outside.service(Calculator).sum,
};
for (const atOnce of [1, 64])
  for (const [way, sum] of Object.entries(ways))
    console.log(`${way}, ${atOnce} at once: ${(await microsecondsOf(sum, atOnce)).toFixed(1)} us of CPU a call`);
await Promise.all([inside.close(), outside.close(), server.close({ drainMs: 0, graceMs: 0 })]);
