import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect } from 'node:tls';
import { offeredProtocols } from './client-hello.js';

/** What a client of TLS sends first. */
async function greeting(ALPNProtocols: string[] | undefined): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = connect({ host: '127.0.0.1', port, servername: 'a.example', ...(ALPNProtocols && { ALPNProtocols }) });
  socket.on('error', () => {});
  const [accepted] = await once(server, 'connection');
  const [bytes] = (await once(accepted, 'data')) as [Buffer];
  socket.destroy();
  accepted.destroy();
  server.close();
  return bytes;
}

describe('what a client of TLS offers in the clear', () => {
  it('are the protocols of its greeting, in their order; none where it names none', async () => {
    assert.deepEqual(offeredProtocols(await greeting(['rpc/1', 'rpc/1/to/abc'])), ['rpc/1', 'rpc/1/to/abc']);
    assert.deepEqual(offeredProtocols(await greeting(undefined)), []);
  });

  it('is not known before the whole greeting is there, and is nothing where it is none', async () => {
    const bytes = await greeting(['rpc/1']);
    for (let end = 0; end < bytes.length; end++) assert.equal(offeredProtocols(bytes.subarray(0, end)), undefined);
    assert.deepEqual(offeredProtocols(Buffer.from('GET / HTTP/1.1')), []);
  });

  it('is read without harm whatever the bytes are', async () => {
    const bytes = await greeting(['rpc/1', 'h2']);
    for (let at = 5; at < bytes.length; at++) {
      const broken = Buffer.from(bytes);
      broken[at] = 0xff - broken[at]!;
      assert.ok(Array.isArray(offeredProtocols(broken)), `byte ${at}`);
    }
  });
});
