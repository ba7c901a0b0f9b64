import assert from 'node:assert/strict';
import { type RawFrame, rawFrame } from '../../../test/raw-peer.js';
import { joined } from '../../../test/raw-pieces.js';
import { FrameType, HEADER_BYTES, MORE, PIECE_BYTES, WHOLE_BYTES_MAX } from '../../frames/frame.js';
import { putHeader } from '../../frames/frame-writer.js';
import type { ByteStream } from '../../transport/byte-stream.js';
import { Output } from './output.js';
import { PieceQueue, SHORT_BYTES_MAX } from './piece-queue.js';

/** A queue over a stream that keeps its bytes until `taken` is called. */
function scene() {
  const state = { queued: 0, bytes: Buffer.alloc(0) };
  const writes: Buffer[] = [];
  const stream = {
    write(bytes: Buffer): boolean {
      state.queued += bytes.length;
      writes.push(bytes);
      state.bytes = Buffer.concat([state.bytes, bytes]);
      return true;
    },
  } as unknown as ByteStream;
  const output = new Output(stream, () => {});
  const queue = new PieceQueue(output, () => state.queued, { mayGoOn: () => true, take: () => {} });
  const append = (frame: Buffer): number => {
    const start = output.reserve(frame.length);
    output.position = start + frame.copy(output.chunk.bytes, start);
    return start;
  };
  return {
    queue,
    output,
    writes,
    append,
    add: (frame: Buffer) => queue.add(append(frame), frame.readUInt32BE(6)),
    /** The stream passes on everything, so that more may come. */
    taken: () => {
      state.queued = 0;
      queue.pump();
    },
    frames: (): RawFrame[] => {
      const frames: RawFrame[] = [];
      let rest = state.bytes;
      while (rest.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + rest.readUInt32BE(0);
        frames.push({
          type: rest[4]!,
          flags: rest[5]!,
          id: rest.readUInt32BE(6),
          body: rest.subarray(HEADER_BYTES, end),
        });
        rest = rest.subarray(end);
      }
      return frames;
    },
  };
}

const large = (id: number, bytes = 300_000, type: number = FrameType.RESPONSE): Buffer =>
  rawFrame(type, Buffer.alloc(bytes, 'abcdefg'), id, 1);

describe('the queue of large messages', () => {
  it('sends them in pieces that are together what one frame would have been', () => {
    for (const bytes of [WHOLE_BYTES_MAX + 1, 65_522 + 65_526, 65_522 + 65_526 + 1, 300_000]) {
      const { add, taken, frames, queue } = scene();
      add(large(5, bytes));
      while (!queue.isEmpty) taken();
      const lengths = frames().map(({ body }) => HEADER_BYTES + body.length);
      assert.ok(lengths.slice(0, -1).every((length) => length === PIECE_BYTES));
      assert.ok(lengths.at(-1)! > 1024 && lengths.at(-1)! <= HEADER_BYTES + WHOLE_BYTES_MAX);
      const [message, ...others] = joined(frames());
      assert.deepEqual([message?.type, message?.flags, message?.id, others.length], [FrameType.RESPONSE, 1, 5, 0]);
      assert.ok(message!.body.equals(large(5, bytes).subarray(HEADER_BYTES)));
      assert.equal(queue.bytes, 0);
    }
  });

  it('makes no piece of what is next to nothing: a binary of a round length goes in as many pieces as it has of 64 KiB', () => {
    for (const pieces of [2, 4, 16]) {
      const { add, taken, frames, queue } = scene();
      add(large(5, pieces * PIECE_BYTES + 100));
      while (!queue.isEmpty) taken();
      assert.equal(frames().length, pieces);
    }
  });

  it('takes them out of the output and leaves what stands before', () => {
    for (const bytes of [300_000, 100]) {
      const { add, append, output, queue } = scene();
      append(rawFrame(FrameType.CANCEL, Buffer.from([1]), 3));
      add(large(5, bytes));
      assert.equal(queue.bytes, HEADER_BYTES + bytes);
      assert.deepEqual([output.position, output.chunk.bytes[4]], [HEADER_BYTES + 1, FrameType.CANCEL]);
    }
  });

  it('sends no more than 64 KiB and a piece until the stream has taken it', () => {
    const { add, queue, frames, taken } = scene();
    add(large(5, 2_000_000));
    queue.pump();
    assert.equal(frames().length, 2);
    queue.pump();
    assert.equal(frames().length, 2);
    taken();
    assert.equal(frames().length, 4);
  });

  it('sends what is attached from where it is, in pieces of it', () => {
    const { queue, output, writes, taken, frames } = scene();
    const binary = Buffer.alloc(300_000, 'abcdefg');
    const start = output.reserve(100);
    output.position = start + HEADER_BYTES;
    output.position += output.chunk.bytes.write('head', output.position);
    output.attachments.add(binary, output.position);
    output.position += output.chunk.bytes.write('tail', output.position);
    putHeader(output, start, FrameType.RESPONSE, 0, 5);
    queue.add(start, 5);
    assert.equal(queue.bytes, HEADER_BYTES + 300_008);
    assert.deepEqual([output.position, output.attachments.bytes], [0, 0]);
    while (!queue.isEmpty) taken();
    const [message] = joined(frames());
    assert.ok(message!.body.equals(Buffer.concat([Buffer.from('head'), binary, Buffer.from('tail')])));
    const ofBinary = writes.filter(({ buffer }) => buffer === binary.buffer);
    assert.equal(
      ofBinary.reduce((sum, { length }) => sum + length, 0),
      binary.length,
    );
  });

  it('sends long ones one after the other, and lets what is small pass between their pieces', () => {
    const { add, append, taken, frames, queue } = scene();
    for (const id of [1, 2, 3]) add(large(id));
    taken();
    append(rawFrame(FrameType.PONG, Buffer.alloc(8)));
    while (!queue.isEmpty) taken();
    assert.deepEqual(
      frames().map(({ id }) => id),
      [1, 1, 0, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3],
    );
  });

  it('sends a short one at once, after four pieces of a long one at most', () => {
    const { add, taken, frames, queue } = scene();
    add(large(1, 1_000_000));
    taken();
    for (const id of [2, 3]) add(large(id, 100_000));
    add(large(4, SHORT_BYTES_MAX));
    while (!queue.isEmpty) taken();
    const ids = frames().map(({ id }) => id);
    assert.deepEqual(ids, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, ...Array.from({ length: 12 }, () => 1)]);
  });

  it('lets a long one go on after three short ones, however many there are', () => {
    const { add, taken, frames, queue } = scene();
    add(large(1, 600_000));
    for (let id = 2; id <= 20; id++) add(large(id, 70_000));
    while (!queue.isEmpty) taken();
    const turns = frames().map(({ id }) => id);
    const places = turns.flatMap((id, place) => (id === 1 ? [place] : []));
    const waits = places.map((place, index) => place - (places[index - 1] ?? 0));
    assert.equal(Math.max(...waits), 1 + 3 * 2);
  });

  it('begins a long one although there are always short ones', () => {
    const { add, taken, frames, queue } = scene();
    for (let id = 1; id <= 8; id++) add(large(id, 70_000));
    add(large(9));
    for (let id = 10; id <= 15; id++) add(large(id, 70_000));
    taken();
    taken();
    assert.ok(frames().some(({ id }) => id === 9));
    while (!queue.isEmpty) taken();
  });

  it('leaves the peer with the beginning of one long message and of one short one at most', () => {
    const { add, taken, frames, queue } = scene();
    for (let id = 1; id <= 20; id++) add(large(id, id % 2 === 0 ? 70_000 : 300_000));
    while (!queue.isEmpty) taken();
    const begun = new Set<number>();
    for (const { id, flags } of frames()) {
      begun.add(id);
      assert.ok(begun.size <= 2, `${begun.size} have begun and are not done`);
      if ((flags & MORE) === 0) begun.delete(id);
    }
    assert.equal(joined(frames()).length, 20);
    assert.equal(queue.bytes, 0);
  });

  it('goes on with the next long one when the one that had begun is dropped', () => {
    const { add, taken, frames, queue } = scene();
    for (const id of [1, 2]) add(large(id));
    taken();
    assert.deepEqual(queue.drop(1), { isCut: true, itemBytes: 0 });
    while (!queue.isEmpty) taken();
    assert.deepEqual(
      frames().map(({ id }) => id),
      [1, 1, 2, 2, 2, 2, 2],
    );
  });

  it('drops one that has not begun', () => {
    const { add, taken, frames, queue } = scene();
    for (let id = 1; id <= 20; id++) add(large(id));
    assert.ok(queue.has(20));
    assert.deepEqual(queue.drop(20), { isCut: false, itemBytes: 0 });
    assert.ok(!queue.has(20));
    while (!queue.isEmpty) taken();
    assert.equal(joined(frames()).length, 19);
  });

  it('keeps the order within an id', () => {
    const { add, taken, frames, queue } = scene();
    const item = large(1, 200_000, FrameType.ITEM);
    for (const frame of [item, large(1, 5, FrameType.ITEM), item, rawFrame(FrameType.END, Buffer.alloc(0), 1)])
      add(frame);
    add(large(2));
    while (!queue.isEmpty) taken();
    const whole = joined(frames()).filter(({ id }) => id === 1);
    assert.deepEqual(
      whole.map(({ type, body }) => [type, body.length]),
      [
        [FrameType.ITEM, 200_000],
        [FrameType.ITEM, 5],
        [FrameType.ITEM, 200_000],
        [FrameType.END, 0],
      ],
    );
  });

  it('drops all of an id, and says what the peer has of it and what it has heard nothing of', () => {
    const { add, taken, frames, queue } = scene();
    const item = large(1, 300_000, FrameType.ITEM);
    for (const frame of [item, large(1, 5, FrameType.ITEM), rawFrame(FrameType.END, Buffer.alloc(0), 1)]) add(frame);
    assert.deepEqual(queue.drop(9), undefined);
    taken();
    assert.deepEqual(queue.drop(1), { isCut: true, itemBytes: 5 });
    assert.deepEqual([queue.isEmpty, queue.bytes, queue.has(1)], [true, 0, false]);
    add(item);
    assert.deepEqual(queue.drop(1), { isCut: false, itemBytes: 300_000 });
    taken();
    assert.equal(frames().length, 2);
    assert.equal(frames().at(-1)!.flags, MORE);
  });

  it('forgets everything when the connection is over', () => {
    const { add, taken, frames, queue } = scene();
    add(large(1));
    queue.clear();
    taken();
    assert.deepEqual([frames().length, queue.bytes, queue.isEmpty], [0, 0, true]);
  });
});
