import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { createClient, defineService, direct, messagePackRpc, method } from '@org/rpc';
import { type Clock, systemClock } from '@org/rpc-core';

const Users = defineService('users', { get: method<(id: number) => string>() });

describe('calls that wait for a connection of maxInFlight: 1', () => {
  it('go over the next one when it is lost after it had worked: nothing of them was sent', async () => {
    let connections = 0;
    let requests = 0;
    const server = createSocketServer((socket) => {
      connections++;
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        if (++requests === 2) socket.destroy();
        // The id of a small request is its third byte.
        else socket.write(Buffer.concat([Buffer.from([0x94, 1, bytes[2]!, 0xc0, 0xa2]), Buffer.from('ok')]));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const protocol = messagePackRpc({ maxInFlight: 1 });
    const client = createClient({ registry: direct([`127.0.0.1:${port}`]), protocol, clock });
    const users = client.service(Users);
    assert.equal(await users.get(0), 'ok');
    aheadMs = 1_000;
    const results = await Promise.allSettled([1, 2, 3, 4].map((id) => users.get(id)));
    await client.close();
    server.close();
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code)),
      ['UNAVAILABLE', 'ok', 'ok', 'ok'],
    );
    assert.equal(connections, 2);
  });
});
