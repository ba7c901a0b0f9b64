// What compression costs and saves: an echo of records over loopback, client and server in this one process.
// npm run build, then: node scripts/measure-compression.mjs
import { once } from 'node:events';
import { connect, createServer as createRelay } from 'node:net';
import { createClient, createServer, defineService, direct, memory, method } from '../packages/rpc/dist/index.js';

const Echo = defineService('echo', { echo: method({ timeoutMs: 60_000 }) });
const CALLS = Number(process.argv[2] ?? 100);

/** Orders as an API gives them: repeated names, values that differ. About 165 bytes each. */
function records(bytes) {
  let seed = 1;
  const random = (max) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * max);
  };
  const word = () => Array.from({ length: 4 + random(6) }, () => 'etaoinshrdlu'[random(12)]).join('');
  return Array.from({ length: Math.round(bytes / 165) }, (_, index) => ({
    id: `order-${100_000 + index}-${random(1e9).toString(36)}`,
    customer: `${word()} ${word()}`,
    email: `${word()}.${word()}@example.com`,
    status: ['open', 'paid', 'sent', 'returned'][random(4)],
    createdAt: new Date(1_700_000_000_000 + random(1e10)).toISOString(),
    price: random(100_000) / 100,
    items: [random(1_000), random(1_000)],
  }));
}

async function measure(bytes, compression) {
  const server = createServer({ registry: memory(), compression });
  server.add(Echo, { echo: (value) => value });
  const { port } = await server.listen({ host: '127.0.0.1' });
  const value = records(bytes);
  let wireBytes = 0;
  const relay = createRelay((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) socket.on('data', (chunk) => (wireBytes += chunk.length)).on('error', () => {});
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const counted = createClient({ registry: direct([`127.0.0.1:${relay.address().port}`]), compression });
  await counted.service(Echo).echo('hello');
  wireBytes = 0;
  for (let call = 0; call < 10; call++) await counted.service(Echo).echo(value);
  const bytesOfCall = Math.round(wireBytes / 10);
  await counted.close();
  relay.close();
  const client = createClient({ registry: direct([`127.0.0.1:${port}`]), compression });
  const { echo } = client.service(Echo);
  const calls = async (count) => {
    let left = count;
    const work = async () => {
      while (left-- > 0) await echo(value);
    };
    await Promise.all(Array.from({ length: 8 }, work));
  };
  await calls(CALLS);
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await calls(CALLS);
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  await client.close();
  await server.close({ drainMs: 0, graceMs: 0 });
  return { bytesOfCall, cpuMs: (user + system) / 1_000 / CALLS, ms: ms / CALLS };
}

console.log('payload  compression  bytes on the wire  ms of CPU a call  ms a call with 8 at once');
for (const bytes of [4_096, 65_536, 1_048_576]) {
  for (const [name, compression] of [
    ['off', false],
    ['level 1', { level: 1 }],
    ['level 6', { level: 6 }],
    ['level 9', { level: 9 }],
  ]) {
    const { bytesOfCall, cpuMs, ms } = await measure(bytes, compression);
    console.log(
      `${String(bytes).padEnd(8)} ${name.padEnd(12)} ${String(bytesOfCall).padEnd(18)} ${cpuMs.toFixed(3).padEnd(17)} ${ms.toFixed(3)}`,
    );
  }
}
