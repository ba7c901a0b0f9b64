import assert from 'node:assert/strict';
import { ATTACHED_BYTES_MIN } from '../../codec/attachments.js';
import { allocateChunk } from '../../codec/codec.js';
import { msgpack } from '../../codec/msgpack.js';
import type { ByteStream } from '../../transport/byte-stream.js';
import { borrowChunk, clientFlushMessages, Output, POOLED_CHUNK_BYTES, returnChunk } from './output.js';

/** An output and the bytes that it has written; the stream takes everything at once, or keeps the memory. */
function scene(takesAll = true) {
  const writes: Buffer[] = [];
  const chunks: Buffer[] = [];
  const queue = { bytes: 0 };
  const stream = {
    write(bytes: Buffer): boolean {
      chunks.push(bytes);
      writes.push(takesAll ? Buffer.from(bytes) : bytes);
      return takesAll;
    },
    get queuedBytes() {
      return queue.bytes;
    },
  } as unknown as ByteStream;
  const state = { onWrites: 0 };
  const output = new Output(stream, () => state.onWrites++);
  const append = (text: string): void => {
    output.reserve(text.length);
    output.position += output.chunk.bytes.write(text, output.position, 'latin1');
  };
  const message = (text: string): void => {
    append(text);
    output.commit();
  };
  return { output, writes, chunks, append, message, queue, state, written: () => writes.map(String) };
}

const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

describe('the output', () => {
  it('writes the messages of a tick together, at its end', async () => {
    const { message, written, state } = scene();
    message('a');
    message('b');
    assert.deepEqual(written(), []);
    await nextTick();
    assert.deepEqual(written(), ['ab']);
    assert.equal(state.onWrites, 1);
    message('c');
    await nextTick();
    assert.deepEqual(written(), ['ab', 'c']);
  });

  it('writes after 16 messages without waiting', async () => {
    const { message, written } = scene();
    for (let i = 0; i < 17; i++) message('x');
    assert.deepEqual(written(), ['x'.repeat(16)]);
    await nextTick();
    assert.deepEqual(written(), ['x'.repeat(16), 'x']);
  });

  it('writes after as many messages as its owner says', () => {
    const { output, message, written } = scene();
    output.flushMessages = clientFlushMessages(50);
    for (let i = 0; i < 26; i++) message('x');
    assert.deepEqual(written(), ['x'.repeat(25)]);
    assert.deepEqual([clientFlushMessages(0), clientFlushMessages(33), clientFlushMessages(256)], [16, 16, 128]);
  });

  it('writes after 48 KiB without waiting', () => {
    const { message, written } = scene();
    message('x'.repeat(48 * 1024 - 1));
    assert.equal(written().length, 0);
    message('x');
    assert.equal(written().length, 1);
  });

  it('writes binaries that are copied together, as long as less than 48 KiB wait, without growing', async () => {
    const { output, writes } = scene();
    const codec = msgpack();
    output.attachments.fromBytes = ATTACHED_BYTES_MIN;
    for (const bytes of [20_000, 25_000, 32_000]) {
      assert.deepEqual(writes, []);
      output.reserve(20);
      codec.encode(Buffer.alloc(bytes), output);
      assert.equal(output.chunk.bytes.length, POOLED_CHUNK_BYTES);
      output.commit();
    }
    assert.deepEqual(
      writes.map(({ length }) => length),
      [77_009],
    );
  });

  it('writes what is attached at once, from where it is, with all that stands before it', () => {
    const { output, message, append, writes, written, chunks } = scene();
    const binary = Buffer.alloc(20_000, 'b');
    message('before');
    append('head');
    output.attachments.add(binary, output.position);
    append('tail');
    const { chunk } = output;
    assert.equal(output.bytesSince(6), 20_008);
    output.commit();
    assert.deepEqual(written(), ['beforehead', String(binary), 'tail']);
    assert.equal(chunks[1], binary);
    assert.equal(output.takenBytes, 20_014);
    assert.equal(borrowChunk(), chunk);
    returnChunk(chunk);
    message('c');
    output.flush();
    assert.equal(writes.length, 4);
  });

  it('gives what it wrote in parts to the stream as one write, with its buffer', () => {
    const parts: (readonly Buffer[])[] = [];
    const given: unknown[] = [];
    const stream = {
      queuedBytes: 0,
      writeAll: (all: readonly Buffer[], memory: unknown) => {
        parts.push(all);
        given.push(memory);
        return false;
      },
    } as unknown as ByteStream;
    const output = new Output(stream, () => {});
    const binary = Buffer.alloc(20_000, 'b');
    output.position += output.chunk.bytes.length === 0 ? output.reserve(4) : 0;
    output.position += output.chunk.bytes.write('head', output.position);
    output.attachments.add(binary, output.position);
    const { chunk } = output;
    output.commit();
    assert.deepEqual([parts.length, parts[0]!.length, parts[0]![1] === binary, given[0] === chunk], [1, 2, true, true]);
  });

  it('forgets what is attached to what is taken back', () => {
    const { output, message, append, written } = scene();
    append('head');
    output.attachments.add(Buffer.alloc(20_000), output.position);
    output.rollBack(0);
    message('a');
    output.flush();
    assert.deepEqual(written(), ['a']);
  });

  it('waits for the end of a held chunk, except for what is too much', async () => {
    const { output, message, written } = scene();
    output.hold();
    message('a');
    await nextTick();
    assert.deepEqual(written(), []);
    for (let i = 0; i < 15; i++) message('b');
    assert.equal(written().length, 1);
    message('c');
    output.release();
    assert.deepEqual(written().slice(1), ['c']);
    message('d');
    await nextTick();
    assert.deepEqual(written().slice(2), ['d']);
  });

  it('writes nothing when there is nothing', async () => {
    const { output, writes, state } = scene();
    output.flush();
    output.release();
    await nextTick();
    assert.deepEqual([writes.length, state.onWrites], [0, 0]);
  });

  it('grows for a large message and keeps what was there', () => {
    const { output, append, written } = scene();
    append('start');
    append('x'.repeat(200_000));
    output.flush();
    assert.deepEqual(written(), [`start${'x'.repeat(200_000)}`]);
  });

  it('runs what waits for a write once, after it, also when nothing had to be written', () => {
    const { output, message, written } = scene();
    const log: string[] = [];
    message('a');
    output.afterWritten(() => log.push(written().join()));
    output.flush();
    output.afterWritten(() => log.push('again'));
    output.flush();
    output.flush();
    assert.deepEqual(log, ['a', 'again']);
  });

  it('takes back what was appended last and leaves the messages before it', () => {
    const { output, message, append, written } = scene();
    message('kept');
    const start = output.position;
    append('taken back');
    output.rollBack(start);
    message('!');
    output.flush();
    assert.deepEqual(written(), ['kept!']);
  });
});

describe("the output's count", () => {
  it('is of the bytes that the other end has taken', () => {
    const { output, message, queue } = scene();
    message('four');
    output.flush();
    message('more');
    output.flush();
    queue.bytes = 3;
    assert.equal(output.takenBytes, 5);
  });
});

describe('the pool of output buffers', () => {
  it('gets a buffer back once the stream has taken all of it', () => {
    const { output, message } = scene();
    message('a');
    const { chunk } = output;
    output.flush();
    assert.equal(borrowChunk(), chunk);
    returnChunk(chunk);
  });

  it('never gets a buffer back from which a stream still reads', () => {
    const { output, message, writes } = scene(false);
    message('precious');
    const { chunk } = output;
    output.flush();
    const others = Array.from({ length: 40 }, borrowChunk);
    assert.equal(others.includes(chunk), false);
    for (const other of others) other.bytes.fill(0);
    assert.equal(String(writes[0]), 'precious');
    for (const other of others) returnChunk(other);
  });

  it('gets a buffer back whose only message was taken back: an idle connection holds none', () => {
    const { output, append } = scene();
    append('a request that could not be encoded');
    const { chunk } = output;
    output.rollBack(0);
    assert.equal(borrowChunk(), chunk);
    output.rollBack(0);
    assert.notEqual(borrowChunk(), chunk);
    returnChunk(chunk);
  });

  it('keeps buffers of the one size, and no more than 32', () => {
    const odd = allocateChunk(POOLED_CHUNK_BYTES * 2);
    returnChunk(odd);
    const many = Array.from({ length: 50 }, () => allocateChunk(POOLED_CHUNK_BYTES));
    const known = new Set(many);
    for (const chunk of many) returnChunk(chunk);
    const borrowed = Array.from({ length: 50 }, borrowChunk);
    assert.equal(borrowed.includes(odd), false);
    assert.ok(borrowed.filter((chunk) => known.has(chunk)).length <= 32);
    for (const chunk of borrowed) returnChunk(chunk);
  });
});
