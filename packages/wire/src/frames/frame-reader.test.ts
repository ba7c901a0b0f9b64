import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type RawFrame, rawFrame } from '../../test/raw-peer.js';
import { wholeFrames } from '../../test/whole-frames.js';
import { FrameType, GoAwayCode, HEADER_BYTES, MORE, ProtocolError } from './frame.js';
import { FrameReader } from './frame-reader.js';

const MAX = 1_000;

/** A reader and what it has given out. */
function scene(bodyBytesMax = MAX) {
  const frames: RawFrame[] = [];
  const oversized: { type: number; flags: number; id: number; bodyBytes: number }[] = [];
  const capacities: number[] = [];
  const reader = new FrameReader(
    wholeFrames({
      frame(type, flags, id, bytes, start, end) {
        frames.push({ type, flags, id, body: Buffer.from(bytes.subarray(start, end)) });
        capacities.push(bytes.length);
      },
      oversized(type, flags, id, bodyBytes) {
        oversized.push({ type, flags, id, bodyBytes });
      },
    }),
    bodyBytesMax,
  );
  return { reader, frames, oversized, capacities };
}

const FRAMES: readonly RawFrame[] = [
  { type: 2, flags: 5, id: 1, body: Buffer.from('first') },
  { type: 7, flags: 0, id: 0xffff_fffe, body: Buffer.alloc(0) },
  { type: 255, flags: 255, id: 0x0102_0304, body: Buffer.from('the third one, a little longer than ten bytes') },
];
const toBytes = (frames: readonly RawFrame[]): Buffer =>
  Buffer.concat(frames.map(({ type, flags, id, body }) => rawFrame(type, body, id, flags)));
const STREAM = toBytes(FRAMES);

const limitError = (error: unknown): boolean => error instanceof ProtocolError && error.code === GoAwayCode.LIMIT;

describe('the frame reader', () => {
  it('finds all frames of one chunk, in place', () => {
    const { reader, frames, capacities } = scene();
    reader.push(STREAM);
    assert.deepEqual(frames, FRAMES);
    assert.deepEqual(capacities, [STREAM.length, STREAM.length, STREAM.length]);
  });

  it('finds the same frames at every place of a cut', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      const { reader, frames } = scene();
      reader.push(STREAM.subarray(0, cut));
      reader.push(STREAM.subarray(cut));
      assert.deepEqual(frames, FRAMES, `cut at ${cut}`);
      assert.equal(reader.isInsideFrame, false);
    }
  });

  it('finds the same frames in single bytes', () => {
    const { reader, frames } = scene();
    for (const byte of STREAM) reader.push(Buffer.from([byte]));
    assert.deepEqual(frames, FRAMES);
  });

  it('begins at the given byte of a chunk', () => {
    const { reader, frames } = scene();
    reader.push(Buffer.concat([Buffer.from('skip me'), STREAM]), 7);
    assert.deepEqual(frames, FRAMES);
  });

  it('says while a frame is incomplete: in its header, in its body, and while its body is skipped', () => {
    const { reader } = scene();
    const bytes = rawFrame(2, Buffer.alloc(20));
    assert.equal(reader.isInsideFrame, false);
    for (const byte of bytes.subarray(0, -1)) {
      reader.push(Buffer.from([byte]));
      assert.equal(reader.isInsideFrame, true);
    }
    reader.push(bytes.subarray(-1));
    assert.equal(reader.isInsideFrame, false);
    reader.push(rawFrame(2, Buffer.alloc(MAX + 1)).subarray(0, -1));
    assert.equal(reader.isInsideFrame, true);
    reader.push(Buffer.alloc(1));
    assert.equal(reader.isInsideFrame, false);
  });

  it('gives out nothing after it was stopped, not even of the chunk that it reads', () => {
    const seen: number[] = [];
    const reader: FrameReader = new FrameReader(
      wholeFrames({
        frame(type) {
          seen.push(type);
          reader.stop();
        },
        oversized() {},
      }),
      MAX,
    );
    reader.push(STREAM);
    reader.push(STREAM);
    assert.deepEqual(seen, [2]);
    assert.equal(reader.isInsideFrame, false);
  });

  it('holds nothing of a frame that was cut once it is stopped', () => {
    const { reader, frames } = scene();
    reader.push(STREAM.subarray(0, 12));
    reader.stop();
    assert.equal(reader.isInsideFrame, false);
    reader.push(STREAM.subarray(12));
    assert.deepEqual(frames, []);
  });
});

describe('the frame reader at its bounds', () => {
  it('takes bodies of no bytes and of as many as are allowed', () => {
    const { reader, frames } = scene();
    reader.push(Buffer.concat([rawFrame(2), rawFrame(3, Buffer.alloc(MAX, 1))]));
    assert.deepEqual(
      frames.map(({ body }) => body.length),
      [0, MAX],
    );
  });

  it('announces a larger frame at once, skips its body and goes on, however it is cut', () => {
    const large = { type: 2, flags: 4, id: 9, bodyBytes: MAX + 1 };
    const bytes = Buffer.concat([rawFrame(2, Buffer.alloc(MAX + 1, 0xc1), 9, 4), STREAM]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { reader, frames, oversized } = scene();
      reader.push(bytes.subarray(0, cut));
      assert.equal(oversized.length, cut < HEADER_BYTES ? 0 : 1);
      reader.push(bytes.subarray(cut));
      assert.deepEqual(oversized, [large]);
      assert.deepEqual(frames, FRAMES);
    }
  });

  it('skips up to four times the limit', () => {
    const { reader, frames, oversized } = scene();
    reader.push(Buffer.concat([rawFrame(2, Buffer.alloc(4 * MAX)), STREAM]));
    assert.deepEqual(frames, FRAMES);
    assert.equal(oversized.length, 1);
  });

  for (const length of [4 * MAX + 1, 2 ** 31, 2 ** 32 - 1]) {
    it(`refuses a length of ${length} as soon as the header is there, wherever that is cut`, () => {
      const header = rawFrame(2, Buffer.alloc(0), 1, 0, length);
      for (let cut = 0; cut < HEADER_BYTES; cut++) {
        const { reader, frames, oversized } = scene();
        reader.push(header.subarray(0, cut));
        assert.throws(() => reader.push(header.subarray(cut)), limitError);
        assert.deepEqual([frames, oversized], [[], []]);
      }
    });
  }

  it('reserves no memory for what a header only claims', () => {
    const claim = Buffer.concat([rawFrame(2, Buffer.alloc(0), 1, 0, 4 * 2 ** 20), Buffer.alloc(100)]);
    const before = process.memoryUsage().arrayBuffers;
    const scenes = Array.from({ length: 100 }, () => scene(4 * 2 ** 20));
    for (const { reader } of scenes) reader.push(claim);
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20, 'more than 1 MiB for 100 claims of 4 MiB');
    assert.equal(scenes.length, 100);
  });

  it('copies single bytes into buffers that double, so that they cost linear time and twice their size', () => {
    const body = Buffer.alloc(256 * 1024, 7);
    const bytes = rawFrame(2, body);
    const { reader, frames, capacities } = scene(body.length);
    const { allocUnsafeSlow } = Buffer;
    const allocated: number[] = [];
    Buffer.allocUnsafeSlow = (size) => {
      allocated.push(size);
      return allocUnsafeSlow(size);
    };
    try {
      for (let i = 0; i < bytes.length; i++) reader.push(bytes.subarray(i, i + 1));
    } finally {
      Buffer.allocUnsafeSlow = allocUnsafeSlow;
    }
    assert.deepEqual(frames[0]?.body, body);
    assert.ok(capacities[0]! <= 2 * bytes.length);
    assert.ok(allocated.length <= 12, `${allocated.length} buffers`);
    assert.ok(allocated.reduce((sum, size) => sum + size, 0) <= 4 * bytes.length);
  });
});

describe('the frame reader, given a piece of a message that is cut', () => {
  const body = Buffer.alloc(10_000, 'abcdefg');
  const bytes = Buffer.concat([rawFrame(FrameType.CONTINUATION, body, 7, MORE), STREAM]);

  /** What is told of the bytes, cut at these places. */
  function told(...cuts: readonly number[]): string[] {
    const log: string[] = [];
    let from = 0;
    const reader = new FrameReader(
      {
        given: undefined,
        frame: (type, _flags, _id, _bytes, start, end) => log.push(`frame ${type} ${end - start}`),
        part: (type, flags, id, chunk, start, end, rest) => {
          log.push(`part ${type} ${flags} ${id} ${end - start} ${rest}`);
          assert.ok(chunk.subarray(start, end).equals(body.subarray(0, end - start)));
          from = end - start;
        },
        further: (chunk, start, end) => {
          log.push(`further ${end - start}`);
          assert.ok(chunk.subarray(start, end).equals(body.subarray(from, from + end - start)));
          from += end - start;
        },
        oversized: () => assert.fail('oversized'),
      },
      body.length,
    );
    for (const [at, cut] of [...cuts, bytes.length].entries()) {
      reader.push(bytes.subarray(cuts[at - 1] ?? 0, cut));
      assert.equal(reader.isInsideFrame, cut < HEADER_BYTES + body.length);
    }
    assert.deepEqual(log.splice(-3), ['frame 2 5', 'frame 7 0', 'frame 255 45']);
    return log;
  }

  it('passes it on as it comes, without a copy', () => {
    assert.deepEqual(told(3_010, 6_010), ['part 12 8 7 3000 7000', 'further 3000', 'further 4000']);
  });

  it('passes it on from 1,028 bytes on, in which its length and something of it are', () => {
    assert.deepEqual(told(11, 1_000, 1_037, 1_038, 1_039), ['part 12 8 7 1028 8972', 'further 1', 'further 8971']);
    assert.deepEqual(told(7, 11, 5_010), ['part 12 8 7 1028 8972', 'further 3972', 'further 5000']);
  });

  it('stops with it when it is stopped in the middle', () => {
    const log: number[] = [];
    const reader: FrameReader = new FrameReader(
      {
        given: undefined,
        frame: () => assert.fail('a frame'),
        part: (_type, _flags, _id, _bytes, start, end) => {
          log.push(end - start);
          reader.stop();
        },
        further: () => assert.fail('more of it'),
        oversized: () => assert.fail('oversized'),
      },
      body.length,
    );
    reader.push(bytes.subarray(0, 3_000));
    reader.push(bytes.subarray(3_000));
    assert.deepEqual([log, reader.isInsideFrame], [[2_990], false]);
  });
});

describe('the frame reader, given a frame that is cut', () => {
  /** The memory of the frame, whether it was given with it, and where its body begins there. */
  function memoryOf(body: Buffer, ...cuts: readonly number[]) {
    const seen: { memory: Buffer; isGiven: boolean; start: number }[] = [];
    const sink = wholeFrames({
      frame: (_type, _flags, _id, memory, start, end) => {
        assert.ok(memory.subarray(start, end).equals(body));
        seen.push({ memory, isGiven: sink.given === memory, start });
      },
      oversized: () => assert.fail('oversized'),
    });
    const bytes = rawFrame(FrameType.RESPONSE, body, 7);
    const reader = new FrameReader(sink, body.length);
    for (const [at, cut] of [...cuts, bytes.length].entries()) reader.push(bytes.subarray(cuts[at - 1] ?? 0, cut));
    assert.deepEqual([seen.length, sink.given], [1, undefined]);
    return seen[0]!;
  }

  it('takes memory as large as the frame once a quarter of it is there, and gives that with it', () => {
    const { memory, isGiven } = memoryOf(Buffer.alloc(40_000, 'abc'), 10_010);
    assert.deepEqual([memory.length, isGiven], [40_000, true]);
  });

  it('does not give what is small, and uses it again', () => {
    assert.equal(memoryOf(Buffer.alloc(2_000, 'abc'), 1_000).isGiven, false);
  });

  it('puts a large binary where a typed array may lie', () => {
    for (const head of [0, 1, 5, 200]) {
      const body = Buffer.concat([Buffer.alloc(head, 0xc0), Buffer.from('c600009c40', 'hex'), Buffer.alloc(40_000, 7)]);
      for (const cuts of [[20_000], [300, 5_000, 20_000]]) {
        const { memory, start } = memoryOf(body, ...cuts);
        assert.equal((memory.byteOffset + start + head + 5) % 8, 0);
        assert.ok(memory.buffer.byteLength < body.length + 8);
      }
    }
  });
});

describe('the frame reader, whatever comes', () => {
  const aFrame = fc
    .record({
      type: fc.nat(255),
      flags: fc.nat(255),
      id: fc.nat(0xffff_ffff),
      body: fc.uint8Array({ maxLength: 60 }),
    })
    .map((frame): RawFrame => ({ ...frame, body: Buffer.from(frame.body) }));

  /** Pushes bytes in pieces of these sizes, again and again. */
  function pushInPieces(reader: FrameReader, bytes: Buffer, sizes: readonly number[]): void {
    for (let position = 0, i = 0; position < bytes.length; i++) {
      const size = sizes[i % sizes.length]!;
      reader.push(bytes.subarray(position, position + size));
      position += size;
    }
  }

  const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 });

  it('finds the frames that were written, in any pieces', () => {
    const property = fc.property(fc.array(aFrame, { maxLength: 8 }), pieces, (written, sizes) => {
      const { reader, frames } = scene();
      pushInPieces(reader, toBytes(written), sizes);
      assert.deepEqual(frames, written);
      assert.equal(reader.isInsideFrame, false);
    });
    fc.assert(property, { numRuns: 1_000, seed: 2 });
  });

  it('throws nothing but a ProtocolError at garbage, and gives out no more bytes than came', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      // Lengths that are small enough to be believed.
      fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { maxLength: 200 }).map((bytes) => Uint8Array.from(bytes)),
    );
    const property = fc.property(garbage, pieces, (bytes, sizes) => {
      const { reader, frames } = scene();
      try {
        pushInPieces(reader, Buffer.from(bytes), sizes);
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
      assert.ok(frames.reduce((sum, { body }) => sum + HEADER_BYTES + body.length, 0) <= bytes.length);
    });
    fc.assert(property, { numRuns: 1_000, seed: 3 });
  });
});
