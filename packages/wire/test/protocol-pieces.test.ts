import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { Assembler } from '../src/connection/channel/assembler.js';
import { Output } from '../src/connection/channel/output.js';
import { PieceQueue } from '../src/connection/channel/piece-queue.js';
import { HEADER_BYTES, MORE } from '../src/frames/frame.js';
import { FrameReader } from '../src/frames/frame-reader.js';
import type { ByteStream } from '../src/transport/byte-stream.js';
import { bytesOf, VECTORS } from './protocol-vectors.js';
import { wholeFrames } from './whole-frames.js';

describe('the vectors of messages in pieces', () => {
  for (const { name, whole, frames, onlyRead } of VECTORS.pieces) {
    const pieces = Buffer.concat(frames.map(bytesOf));
    if (onlyRead !== true)
      it(`${name}: are written so`, () => assert.ok(cut(bytesOf(whole)).equals(pieces), 'other bytes were written'));
    it(`${name}: are put together so`, () => {
      const messages = joined(pieces);
      assert.equal(messages.length, 1);
      assert.ok(messages[0]!.equals(bytesOf(whole)), 'they were put together to something else');
    });
  }
});

/** What the queue of large messages writes of one. */
function cut(whole: Buffer): Buffer {
  const written: Buffer[] = [];
  const stream = { queuedBytes: 0, write: (bytes: Uint8Array) => written.push(Buffer.from(bytes)) > 0 };
  const output = new Output(stream as unknown as ByteStream, () => {});
  const queue = new PieceQueue(output, () => 0, { mayGoOn: () => true, take: () => {} });
  const start = output.reserve(whole.length);
  output.position = start + whole.copy(output.chunk.bytes, start);
  queue.add(start, whole.readUInt32BE(6));
  queue.pump();
  return Buffer.concat(written);
}

/** The frames that the assembler makes of these bytes. */
function joined(bytes: Buffer): Buffer[] {
  const whole: Buffer[] = [];
  const assembler = new Assembler(
    {
      announced: () => true,
      oversized: () => assert.fail('it is too long'),
      frame: (type, flags, id, body, start, end) => {
        const frame = Buffer.alloc(HEADER_BYTES + end - start);
        frame.writeUInt32BE(end - start);
        frame[4] = type;
        frame[5] = flags & ~MORE;
        frame.writeUInt32BE(id, 6);
        body.copy(frame, HEADER_BYTES, start, end);
        whole.push(frame);
      },
    },
    DEFAULT_LIMITS.messageBytes,
    (what) => assert.fail(`${what} was counted`),
    { given: undefined },
  );
  const reader = new FrameReader(
    wholeFrames({
      frame: (type, flags, id, chunk, start, end) =>
        assert.ok(assembler.takes(type, flags, id, chunk, start, end, 0), `type ${type} is no piece`),
      oversized: () => assert.fail('a piece is too long'),
    }),
    DEFAULT_LIMITS.messageBytes,
  );
  reader.push(bytes);
  return whole;
}
