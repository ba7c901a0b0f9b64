import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createClient, createServer, defineService, direct, memory, method, type Server } from '@org/rpc';

const Echo = defineService('echo', { echo: method<(value: number) => number>({ idempotent: true }) });

/** A server that lets so many connections begin in a second, and counts them. */
async function serve(connectionsPerSecond: number): Promise<{ server: Server; port: number; begun: () => number }> {
  let begun = 0;
  const server = createServer({ registry: memory(), limits: { connectionsPerSecond } });
  server.add(Echo, { echo: (value) => value });
  server.on('connectionOpened', () => begun++).on('acceptError', () => {});
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, port, begun: () => begun };
}

describe('a flood of new connections', function () {
  this.timeout(20_000);

  it('begins no faster than it may, and those who are there are answered meanwhile', async () => {
    const { server, port, begun } = await serve(100);
    const client = createClient({ registry: direct([`127.0.0.1:${port}`]), timeoutMs: 10_000 });
    await client.ready(Echo);
    const from = performance.now();
    const flood: Socket[] = Array.from({ length: 1_500 }, () => connect(port, '127.0.0.1').on('error', () => {}));
    for (let value = 0; value < 200; value++) assert.equal(await client.service(Echo).echo(value), value);
    // A thousand wait, and the rest is dropped.
    await Promise.all(flood.slice(0, 3).map((socket) => (socket.connecting ? once(socket, 'connect') : undefined)));
    const most = 1 + 2 + ((performance.now() - from) * 100) / 1_000 + 1;
    assert.ok(begun() <= most, `${begun()} begun, ${most} may`);
    for (const socket of flood) socket.destroy();
    await client.close();
    await server.close({ drainMs: 0, graceMs: 0 });
  });

  it('is none when as many honest clients come back at once as a second takes: each call is answered', async () => {
    const { server, port, begun } = await serve(300);
    const clients = Array.from({ length: 300 }, () =>
      createClient({ registry: direct([`127.0.0.1:${port}`]), timeoutMs: 15_000 }),
    );
    const values = await Promise.all(clients.map((client, index) => client.service(Echo).echo(index)));
    assert.deepEqual(
      values,
      clients.map((_, index) => index),
    );
    assert.equal(begun(), 300);
    await Promise.all(clients.map((client) => client.close()));
    await server.close({ drainMs: 0, graceMs: 0 });
  });
});
