import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { FakeClock } from '@org/rpc-testkit';
import { readAddressee } from './first-bytes.js';

describe('the first bytes of a connection that several processes share', () => {
  const clock = new FakeClock();

  /** Connects. @returns both ends, that of the server unread */
  async function pair(): Promise<[client: Socket, accepted: Socket]> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1' });
    const [accepted] = (await once(server, 'connection')) as [Socket];
    server.close();
    return [client, accepted];
  }

  it('are read until it is known whom it means, and nothing after them', async () => {
    const [client, accepted] = await pair();
    const known = new Promise<[string, Buffer]>((resolve) => {
      readAddressee(accepted, clock, (instance, bytes) => resolve([instance, bytes]));
    });
    client.write(Buffer.from([0x94, 1]));
    assert.deepEqual(await known, ['', Buffer.from([0x94, 1])]);
    client.write(Buffer.alloc(100));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([accepted.readableLength, accepted.bytesRead], [0, 2]);
    client.destroy();
    accepted.destroy();
  });

  it('are waited for five seconds: who says nothing means anybody', async () => {
    const [client, accepted] = await pair();
    const known: string[] = [];
    readAddressee(accepted, clock, (instance) => known.push(instance));
    await clock.advance(4_999);
    assert.deepEqual(known, []);
    await clock.advance(1);
    assert.deepEqual(known, ['']);
    client.destroy();
    accepted.destroy();
  });

  it('are nothing of a client that ends before it has said whom it means', async () => {
    const [client, accepted] = await pair();
    readAddressee(accepted, clock, () => assert.fail('it is gone'));
    client.end();
    await once(accepted, 'close');
    await clock.advance(10_000);
    client.destroy();
  });
});
