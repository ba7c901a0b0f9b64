// The other side of `npm run culprits`, in a process of its own: two servers, and ways to the first of them on which bytes take long or vanish.
// Prints its ports as a line of JSON, and ends with its input.
import { createServer as listenTcp, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, createServer, direct, memory } from '@org/rpc';
import { type Ports, Work } from './service.js';

const run = (ms: number): Promise<number> => sleep(ms, ms);
let behind: Client | undefined;
const handlers = { run, pass: (ms: number): Promise<number> => behind!.service(Work).run(ms) };
const plain = createServer({ registry: memory() }).add(Work, handlers);
const queueing = createServer({ registry: memory(), concurrency: { max: 1, queue: 10_000 } }).add(Work, handlers);
await plain.listen({ port: 0, host: '127.0.0.1' });
await queueing.listen({ port: 0, host: '127.0.0.1' });

behind = createClient({ registry: direct([`127.0.0.1:${plain.state().address!.port}`]), throttle: false });

let delayMs = 0;
let isHole = false;
const target = plain.state().address!.port;

/** Bytes from one socket to the other, after a while; or nowhere. */
function pass(from: Socket, to: Socket, afterMs: () => number, vanishes: () => boolean): void {
  from.on('data', (bytes) => {
    if (!vanishes()) setTimeout(() => to.write(bytes), afterMs());
  });
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}

async function proxy(afterMs: () => number, vanishes: () => boolean): Promise<{ server: Server; port: number }> {
  const server = listenTcp((near) => {
    const far = tcpConnect(target, '127.0.0.1');
    pass(near, far, afterMs, vanishes);
    pass(far, near, afterMs, vanishes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port };
}

const slow = await proxy(
  () => delayMs,
  () => false,
);
const hole = await proxy(
  () => 0,
  () => isHole,
);
const ports: Ports = { plain: target, queueing: queueing.state().address!.port, slow: slow.port, hole: hole.port };
console.log(JSON.stringify(ports));

process.stdin.setEncoding('utf8').on('data', (text: string) => {
  for (const line of text.trim().split('\n')) {
    const [what, value] = line.split(' ');
    if (what === 'delay') delayMs = Number(value);
    else if (what === 'hole') isHole = value === 'on';
  }
});
process.stdin.on('end', () => process.exit(0));
