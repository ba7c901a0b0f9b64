import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { SocketStream } from './socket-stream.js';

/** Many times what the kernel takes at once. */
const MUCH = Buffer.alloc(16 * 1024 * 1024, 'abcdefg');

describe('memory that a plain socket was lent', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  /** A stream whose other end reads nothing until it is resumed. */
  async function scene() {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const { port } = server.address() as { port: number };
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    const [other] = await accepted;
    closers.push(
      () => server.close(),
      () => socket.destroy(),
      () => other.destroy(),
    );
    const stream = new SocketStream(socket, { address: 'there' });
    const state = { drained: () => {}, received: Buffer.alloc(0) };
    stream.start({ data() {}, drained: () => state.drained(), ended() {}, closed() {} });
    return { stream, other, drained: () => new Promise<void>((resolve) => (state.drained = resolve)) };
  }

  for (const how of ['write', 'writeAll'] as const) {
    it(`by ${how} comes back when all is written, and not before`, async () => {
      const { stream, other, drained } = await scene();
      const returned: string[] = [];
      const send = (memory: string): boolean =>
        how === 'write'
          ? stream.write(MUCH, memory, (back) => returned.push(back))
          : stream.writeAll([MUCH.subarray(0, 100), MUCH.subarray(100)], memory, (back) => returned.push(back));
      assert.deepEqual([send('a'), send('b'), returned], [false, false, []]);
      assert.ok(stream.queuedBytes > 0);
      const hasDrained = drained();
      let bytes = 0;
      other.on('data', (chunk) => (bytes += chunk.length));
      await hasDrained;
      assert.deepEqual([returned, stream.queuedBytes], [['a', 'b'], 0]);
      while (bytes < 2 * MUCH.length) await once(other, 'data');
      assert.equal(bytes, 2 * MUCH.length);
    });
  }

  it('is not lent at all when the kernel has taken everything', async () => {
    const { stream, other } = await scene();
    const parts = [Buffer.from('some '), Buffer.from('few '), Buffer.from('bytes')];
    const isTaken = stream.writeAll(parts, 'memory', () => assert.fail('it was not lent'));
    assert.equal(isTaken, true);
    const [chunk] = (await once(other, 'data')) as [Buffer];
    assert.equal(String(chunk), 'some few bytes');
  });

  it('is told to be taken when the kernel has it, though the queue never becomes empty', async () => {
    const { stream, other } = await scene();
    const told: string[] = [];
    stream.whenTaken!(() => told.push('nothing'));
    assert.deepEqual(told, ['nothing']);
    stream.write(MUCH);
    const isTaken = new Promise<void>((resolve) => stream.whenTaken!(resolve));
    stream.whenTaken!(() => stream.write(MUCH));
    other.resume();
    await isTaken;
    assert.ok(stream.queuedBytes > 0);
  });

  for (const isEnded of [false, true])
    it(`is told to be taken when the stream is over${isEnded ? ' that had been ended' : ''}`, async () => {
      const { stream } = await scene();
      stream.write(MUCH);
      if (isEnded) stream.end();
      const isTaken = new Promise<void>((resolve) => stream.whenTaken!(resolve));
      stream.destroy();
      await isTaken;
      let isAtOnce = false;
      stream.whenTaken!(() => (isAtOnce = true));
      assert.ok(isAtOnce);
    });

  it('is not told of over TLS, where to wait for it costs more than a copy', () => {
    const socket = new TLSSocket(new Socket());
    closers.push(() => socket.destroy());
    assert.equal(new SocketStream(socket, { address: 'there' }).whenTaken, undefined);
  });
});
