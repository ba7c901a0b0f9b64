import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { systemClock } from '@org/rpc-core';
import type { ByteStream } from './byte-stream.js';
import { SharedReading } from './shared-reading.js';
import { dialTcp } from './tcp.js';

describe('sockets that are dialled', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  /** Several streams to one server, and the other ends of them. */
  async function scene(count: number, onAccept: (socket: Socket) => void = () => {}) {
    const others: Socket[] = [];
    const server = createServer((socket) => {
      others.push(socket);
      onAccept(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const streams: ByteStream[] = [];
    for (let i = 0; i < count; i++)
      streams.push(await dialTcp(systemClock, { host: '127.0.0.1', port, timeoutMs: 5_000 }));
    while (others.length < count) await once(server, 'connection');
    closers.push(
      () => server.close(),
      () => {
        for (const each of [...others, ...streams]) each.destroy();
      },
    );
    return { streams, others };
  }

  it('read into memory that they share', async () => {
    const { streams, others } = await scene(3);
    const memories = new Set<ArrayBufferLike>();
    let texts = '';
    const all = new Promise<void>((resolve) => {
      for (const stream of streams)
        stream.start({
          data(bytes) {
            memories.add(bytes.buffer);
            texts += bytes;
            if (texts.length === 9) resolve();
          },
          drained() {},
          ended() {},
          closed() {},
        });
    });
    for (const [index, other] of others.entries()) other.write(String(index).repeat(3));
    await all;
    assert.equal(memories.size, 1);
    assert.equal([...memories][0]!.byteLength, 65_536);
    assert.deepEqual([...texts].sort().join(''), '000111222');
  });

  it('lose nothing that comes before they have a receiver, and are told of the end', async () => {
    const sent = Buffer.alloc(300_000, 'abcdefg');
    const { streams, others } = await scene(1, (socket) => void socket.end(sent));
    // Until what was sent has arrived at the least.
    while (others[0]!.bytesWritten < sent.length || others[0]!.writableLength > 0) await new Promise(setImmediate);
    const parts: Buffer[] = [];
    let isStarting = true;
    const ended = new Promise<void>((resolve) => {
      streams[0]!.start({
        data(bytes) {
          assert.equal(isStarting, false);
          parts.push(Buffer.from(bytes));
        },
        drained() {},
        ended: resolve,
        closed() {},
      });
    });
    isStarting = false;
    await ended;
    assert.ok(Buffer.concat(parts).equals(sent));
  }).timeout(20_000);

  it('can be paused, in the middle of what has come, and resumed', async () => {
    const { streams, others } = await scene(1);
    const [stream] = streams;
    let bytes = 0;
    let isPaused = false;
    const done = new Promise<void>((resolve) => {
      stream!.start({
        data(chunk) {
          assert.equal(isPaused, false);
          bytes += chunk.length;
          if (bytes === 2_000_000) return resolve();
          isPaused = true;
          stream!.pause();
          setImmediate(() => {
            isPaused = false;
            stream!.resume();
          });
        },
        drained() {},
        ended() {},
        closed() {},
      });
    });
    others[0]!.write(Buffer.alloc(2_000_000));
    await done;
    assert.equal(bytes, 2_000_000);
  });
});

describe('reading into shared memory', () => {
  it('stops until there is a receiver, and keeps a copy of what has come', async () => {
    const reading = new SharedReading();
    const { buffer, callback } = reading.onread;
    const memory = buffer as Buffer;
    assert.equal(callback(memory.write('early'), memory), false);
    memory.fill('x');
    const received: string[] = [];
    reading.start((bytes) => received.push(String(bytes)));
    assert.deepEqual(received, []);
    await null;
    assert.equal(callback(memory.write('late'), memory), true);
    assert.deepEqual(received, ['early', 'late']);
  });
});
