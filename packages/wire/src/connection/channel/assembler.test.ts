import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type RawFrame, rawFrame } from '../../../test/raw-peer.js';
import { continuation, inPieces } from '../../../test/raw-pieces.js';
import { FrameType, GoAwayCode, HEADER_BYTES, MORE, ProtocolError } from '../../frames/frame.js';
import { Assembler } from './assembler.js';

const MAX = 100_000;

/** An assembler that gets raw frames, and a log of what it reported. */
function scene(isWanted = true) {
  const told: string[] = [];
  const whole: RawFrame[] = [];
  const ignored: string[] = [];
  const owner = {
    announced: (type: number, _flags: number, id: number, bytes: number) => {
      told.push(`announced ${type} ${id} ${bytes}`);
      return isWanted;
    },
    oversized: (type: number, _flags: number, id: number, bytes: number) =>
      told.push(`oversized ${type} ${id} ${bytes}`),
    frame: (type: number, flags: number, id: number, bytes: Buffer, start: number, end: number) =>
      whole.push({ type, flags, id, body: Buffer.from(bytes.subarray(start, end)) }),
  };
  const assembler = new Assembler(owner, MAX, (what) => ignored.push(what), { given: undefined });
  const takes = (frame: Buffer, now = 0): boolean => {
    const { length } = frame;
    return assembler.takes(frame[4]!, frame[5]!, frame.readUInt32BE(6), frame, HEADER_BYTES, length, now);
  };
  return { assembler, told, whole, ignored, takes, give: (...frames: Buffer[]) => frames.map((frame) => takes(frame)) };
}

const message = (bytes: number, id = 7, type: number = FrameType.RESPONSE, flags = 1): Buffer =>
  rawFrame(type, Buffer.alloc(bytes, 'abcdefg'), id, flags);

const breaks = (run: () => void, reason: RegExp, code: number = GoAwayCode.PROTOCOL_ERROR): void => {
  assert.throws(run, (error) => {
    assert.ok(error instanceof ProtocolError);
    assert.match(error.message, reason);
    assert.equal(error.code, code);
    return true;
  });
};

describe('the assembler', () => {
  it('leaves whole frames alone', () => {
    const { takes, whole } = scene();
    assert.equal(takes(message(5_000)), false);
    assert.equal(whole.length, 0);
  });

  it('asks at the first piece and gives the message at the last, with its type, flags and MORE', () => {
    const { give, told, whole, assembler } = scene();
    const frames = inPieces(message(5_000), [2_000, 2_000]);
    give(frames[0]!, frames[1]!);
    assert.deepEqual([told, whole.length, assembler.isEmpty], [['announced 3 7 5000'], 0, false]);
    give(frames[2]!);
    const body = message(5_000).subarray(HEADER_BYTES);
    assert.deepEqual(whole, [{ type: FrameType.RESPONSE, flags: 1 | MORE, id: 7, body }]);
    assert.equal(assembler.isEmpty, true);
  });

  it('joins whatever is cut wherever, and messages of several ids in one another', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 20 });
    const sketch = fc.record({ bytes: fc.integer({ min: 2, max: MAX }), sizes });
    const property = fc.property(
      fc.array(sketch, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat(3)),
      (all, turns) => {
        const { give, whole } = scene();
        const queues = all.map(({ bytes, sizes }, id) =>
          inPieces(message(bytes, id), [Math.min(sizes[0]!, bytes - 1), ...sizes.slice(1)]),
        );
        for (const turn of turns) {
          const rest = queues.filter((queue) => queue.length > 0);
          if (rest.length === 0) break;
          give(rest[turn % rest.length]!.shift()!);
        }
        assert.equal(whole.length, all.length);
        for (const { id, body } of whole) assert.ok(body.equals(message(all[id]!.bytes, id).subarray(HEADER_BYTES)));
      },
    );
    fc.assert(property, { numRuns: 200, seed: 5 });
  });

  it('takes memory for what has come, not for what was announced', () => {
    const { takes } = scene();
    const first = Array.from(
      { length: 200 },
      (_, id) => inPieces(rawFrame(FrameType.RESPONSE, Buffer.alloc(2_048), id), [1_024], MAX)[0]!,
    );
    const before = process.memoryUsage().arrayBuffers;
    for (const frame of first) takes(frame);
    // At most five times the bytes received: the announced length makes it grow less often.
    assert.ok(process.memoryUsage().arrayBuffers - before <= 200 * 5 * 1_024 + 65_536);
  });

  it('takes a piece as it comes, and is the same to all as if it had come at once', () => {
    const { assembler, whole, told, takes } = scene();
    const frames = inPieces(message(50_000), [20_000, 20_000]);
    for (const frame of frames) {
      const { length } = frame;
      const cut = HEADER_BYTES + 2_000;
      assembler.takes(frame[4]!, frame[5]!, 7, frame, HEADER_BYTES, cut, 0, length - cut);
      assembler.further(frame, cut, cut + 5_000, 0);
      assembler.further(frame, cut + 5_000, length, 0);
    }
    assert.deepEqual([told, whole.length, assembler.isEmpty], [['announced 3 7 50000'], 1, true]);
    assert.ok(whole[0]!.body.equals(message(50_000).subarray(HEADER_BYTES)));
    assert.equal(takes(message(5_000)), false);
  });

  it('gives a message with its memory, which is exactly as large and has a large binary where a typed array may lie', () => {
    const body = Buffer.concat([Buffer.from('91c60000c350', 'hex'), Buffer.alloc(50_000, 7)]);
    const sink: { given: Buffer | undefined } = { given: undefined };
    const seen: unknown[] = [];
    const owner = {
      announced: () => true,
      oversized: () => assert.fail('oversized'),
      frame: (_type: number, _flags: number, _id: number, bytes: Buffer, start: number) =>
        seen.push(sink.given === bytes, bytes.length < body.length + 8, (bytes.byteOffset + start + 6) % 8),
    };
    const assembler = new Assembler(owner, MAX, () => {}, sink);
    for (const frame of inPieces(rawFrame(FrameType.RESPONSE, body, 7), [15_000, 20_000]))
      assembler.takes(frame[4]!, frame[5]!, 7, frame, HEADER_BYTES, frame.length, 0);
    assert.deepEqual([seen, sink.given], [[true, true, 0], undefined]);
  });
});

describe('the assembler refuses', () => {
  const begin = (bytes = 5_000, sizes = [2_000]): Buffer => inPieces(message(bytes), sizes)[0]!;
  for (const [what, frames, reason] of [
    ['a first piece without a length', [rawFrame(FrameType.RESPONSE, Buffer.alloc(3), 7, MORE)], /cut short/],
    [
      'a first piece that is all',
      [inPieces(message(2_000), [1_500], 1_500)[0]!],
      /a first piece of 1500 bytes of a message of 1500, and MORE/,
    ],
    [
      'pieces that are too long',
      [begin(), continuation(7, 3_001, 0)],
      /of call 7 are more than the 5000 bytes announced/,
    ],
    ['pieces that are all, and MORE', [begin(), continuation(7, 3_000)], /more than the 5000 bytes/],
    ['pieces that are too short', [begin(), continuation(7, 2_999, 0)], /end after 4999 of 5000 bytes/],
    [
      'a piece of what never began',
      [continuation(8, 2_000)],
      /a CONTINUATION of call 8, of which no message has begun/,
    ],
    [
      'a piece of what has ended',
      [...inPieces(message(5_000), [2_000]), continuation(7, 2_000)],
      /of which no message/,
    ],
    ['a second beginning', [begin(), begin()], /a frame of type 3 between the pieces of a message of call 7/],
    ['another frame of the id', [begin(), rawFrame(FrameType.END, Buffer.alloc(0), 7)], /a frame of type 10 between/],
  ] as const) {
    it(what, () => {
      const { give } = scene();
      give(...frames.slice(0, -1));
      breaks(() => give(frames.at(-1)!), reason);
    });
  }

  it('a message far beyond the limit, at its first piece', () => {
    const { give } = scene();
    give(inPieces(message(5_000), [2_000], 4 * MAX)[0]!);
    breaks(() => give(inPieces(message(5_000, 8), [2_000], 4 * MAX + 1)[0]!), /far beyond/, GoAwayCode.LIMIT);
  });

  it('small pieces by count, but not a small last one', () => {
    const { give, ignored } = scene();
    give(...inPieces(message(5_000), [1_023, 1_024, 1, 1_024, 1_024]));
    assert.deepEqual(ignored, ['a piece of 1023 bytes', 'a piece of 1 bytes']);
  });
});

describe('a message that is not wanted', () => {
  it('is thrown away, whoever does not want it', () => {
    for (const isWanted of [true, false]) {
      const { give, whole, told, assembler } = scene(isWanted);
      const announced = isWanted ? MAX + 1 : 5_000;
      give(...inPieces(message(announced), [2_000, 2_000]));
      assert.deepEqual([whole.length, assembler.isEmpty], [0, true]);
      assert.deepEqual(told, [isWanted ? `oversized 3 7 ${announced}` : 'announced 3 7 5000']);
      breaks(() => give(continuation(7, 1_024)), /of which no message has begun/);
    }
  });

  it('may come to its end after it was dropped, and no further', () => {
    const { give, assembler } = scene();
    give(inPieces(message(5_000), [2_000])[0]!);
    assert.equal(assembler.drop(7), true);
    assert.equal(assembler.drop(7), false);
    give(continuation(7, 1_500));
    breaks(() => give(continuation(7, 1_501)), /more than the bytes announced/);
  });

  it('may come to its end after it was dropped in the middle of a piece', () => {
    for (const sizes of [[2_000, 2_000], [2_000]]) {
      const { assembler, give, whole } = scene();
      const frames = inPieces(message(5_000), sizes);
      give(frames[0]!);
      const piece = frames[1]!;
      assembler.takes(
        piece[4]!,
        piece[5]!,
        7,
        piece,
        HEADER_BYTES,
        HEADER_BYTES + 1_100,
        0,
        piece.length - HEADER_BYTES - 1_100,
      );
      assert.equal(assembler.drop(7), true);
      assembler.further(piece, HEADER_BYTES + 1_100, piece.length, 0);
      give(...frames.slice(2));
      assert.deepEqual([whole.length, assembler.isEmpty], [0, true]);
      breaks(() => give(continuation(7, 1_024)), /of which no message has begun/);
    }
  });

  it('is dropped by a CANCEL, which its owner sees too; CREDIT leaves it alone', () => {
    const { give, assembler } = scene();
    give(inPieces(message(5_000), [2_000])[0]!);
    assert.deepEqual(give(rawFrame(FrameType.CREDIT, Buffer.alloc(4), 7)), [false]);
    assert.equal(assembler.isEmpty, false);
    assert.deepEqual(give(rawFrame(FrameType.CANCEL, Buffer.alloc(1), 7)), [false]);
    assert.equal(assembler.isEmpty, true);
  });

  it('is remembered as one of the last 4,096 that have moved', () => {
    const { give } = scene(false);
    for (let id = 1; id <= 4_096; id++) give(inPieces(message(5_000, id), [2_000])[0]!);
    give(continuation(1, 1_024));
    give(inPieces(message(5_000, 4_097), [2_000])[0]!);
    give(continuation(1, 1_024), continuation(4_097, 1_024));
    breaks(() => give(continuation(2, 1_024)), /of which no message has begun/);
  });
});

describe('a message that makes no progress', () => {
  it('is stalled after the time given; pieces that are too small are no progress', () => {
    const { takes, assembler } = scene();
    takes(inPieces(message(50_000), [2_000])[0]!, 0);
    takes(continuation(7, 1_024), 100);
    takes(continuation(7, 1_000), 150);
    assert.deepEqual([assembler.isStalled(true, 200, 100), assembler.isStalled(true, 201, 100)], [false, true]);
  });

  it('is not blamed for the time in which nothing is read', () => {
    const { takes, assembler } = scene();
    takes(inPieces(message(50_000), [2_000])[0]!, 0);
    assert.deepEqual([assembler.isStalled(false, 500, 100), assembler.isStalled(true, 550, 100)], [false, false]);
  });
});
