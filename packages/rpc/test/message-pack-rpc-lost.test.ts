import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { createClient, defineService, direct, isRpcError, messagePackRpc, method } from '@org/rpc';
import { type Clock, systemClock } from '@org/rpc-core';

const Users = defineService('users', { get: method<(id: number) => string>() });

/** A server that answers small requests, but hangs up at those of which the numbers are given, counted over all connections from 1. */
async function lossyServer(hangsUpAt: readonly number[]) {
  const seen = { connections: 0, requests: 0 };
  const server = createSocketServer((socket) => {
    seen.connections++;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      if (hangsUpAt.includes(++seen.requests)) socket.destroy();
      else {
        // The third element of the array is the id, as it was sent.
        const id = bytes.subarray(2, bytes.indexOf(Buffer.of(0xa9), 2));
        socket.write(Buffer.concat([Buffer.of(0x94, 1), id, Buffer.of(0xc0, 0xa2), Buffer.from('ok')]));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, seen, close: () => server.close() };
}

/** What becomes of so many calls at once, after one that is answered; `aheadMs`: so much later. */
async function callsAfter(port: number, count: number, aheadMs = 0): Promise<string[]> {
  let nowMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + nowMs };
  const protocol = messagePackRpc({ maxInFlight: 1 });
  const client = createClient({ registry: direct([`127.0.0.1:${port}`]), protocol, clock });
  const users = client.service(Users);
  assert.equal(await users.get(0), 'ok');
  nowMs = aheadMs;
  const calls = Array.from({ length: count }, (_, id) => users.get(id));
  const results = await Promise.all(
    calls.map((call) => call.catch((error) => (isRpcError(error) ? error.code : error))),
  );
  await client.close();
  return results;
}

describe('calls that wait for a connection of maxInFlight: 1', () => {
  for (const [when, aheadMs] of [
    ['in its first second', 0],
    ['after it had worked', 1_000],
  ] as const)
    it(`go over the next one when it is lost ${when}: nothing of them was sent`, async () => {
      const server = await lossyServer([2]);
      const results = await callsAfter(server.port, 100, aheadMs);
      server.close();
      assert.deepEqual(results, ['UNAVAILABLE', ...Array<string>(99).fill('ok')]);
      assert.equal(server.seen.connections, 2);
    });

  it('wait for the one after that too, when the next one is lost as soon', async () => {
    const server = await lossyServer([2, 4]);
    const results = await callsAfter(server.port, 4);
    server.close();
    assert.deepEqual(results, ['UNAVAILABLE', 'ok', 'UNAVAILABLE', 'ok']);
    assert.equal(server.seen.connections, 3);
  });
});
