import assert from 'node:assert/strict';
import type { Code } from '@org/rpc-core';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { CODE_NUMBERS, rpcError, wireName } from '@org/rpc-core/internal';
import fc from 'fast-check';
import { allocateChunk, type Chunk } from '../src/codec/codec.js';
import { msgpack } from '../src/codec/msgpack.js';
import { FrameType, GoAwayCode, HEADER_BYTES, ProtocolError } from '../src/frames/frame.js';
import {
  createParsedRequest,
  parseError,
  parseGoAway,
  parseReplyHead,
  parseRequest,
} from '../src/frames/frame-parser.js';
import { FrameReader } from '../src/frames/frame-reader.js';
import {
  type FrameTarget,
  writeCancel,
  writeError,
  writeGoAway,
  writePing,
  writeRequest,
  writeResponse,
} from '../src/frames/frame-writer.js';
import { decodeMetadata, encodeMetadata } from '../src/frames/metadata.js';
import { readCredit, writeCredit, writeEnd, writeItem } from '../src/frames/stream-frames.js';
import { rawFrame } from './raw-peer.js';
import { wholeFrames } from './whole-frames.js';

const RUNS = { numRuns: 10_000 };
const CODEC = msgpack();
const decode = CODEC.createDecoder(DEFAULT_LIMITS);

class Scratch implements FrameTarget {
  chunk: Chunk = allocateChunk(16);
  position = 0;

  reserve(bytes: number): number {
    if (this.position + bytes > this.chunk.bytes.length) {
      const larger = allocateChunk(2 * (this.position + bytes));
      this.chunk.bytes.copy(larger.bytes, 0, 0, this.position);
      this.chunk = larger;
    }
    return this.position;
  }
}

type Frame = readonly [type: number, flags: number, id: number, body: Buffer];

/** What the reader gives out of bytes that come in these pieces: frames, oversized ones, and whether it refused. */
function read(parts: readonly Buffer[], bodyBytesMax: number): unknown[] {
  const found: unknown[] = [];
  const reader = new FrameReader(
    wholeFrames({
      frame: (type, flags, id, bytes, start, end) => {
        found.push([type, flags, id, bytes.toString('hex', start, end)]);
      },
      oversized: (type, flags, id, bodyBytes) => {
        found.push([type, flags, id, bodyBytes]);
      },
    }),
    bodyBytesMax,
  );
  try {
    for (const part of parts) reader.push(part);
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return [...found, 'refused'];
  }
  return [...found, reader.isInsideFrame];
}

/** Writes one frame and gives it as the reader does. */
function written(write: (target: FrameTarget) => void): Frame {
  const target = new Scratch();
  write(target);
  const frames: Frame[] = [];
  new FrameReader(
    wholeFrames({
      frame: (type, flags, id, bytes, start, end) => {
        frames.push([type, flags, id, Buffer.from(bytes.subarray(start, end))]);
      },
      oversized: () => assert.fail('oversized'),
    }),
    DEFAULT_LIMITS.messageBytes,
  ).push(Buffer.from(target.chunk.bytes.subarray(0, target.position)));
  assert.equal(frames.length, 1);
  assert.equal(frames[0]![3].length, target.position - HEADER_BYTES);
  return frames[0]!;
}

const id = fc.oneof(fc.nat(9), fc.nat(0xffff_ffff));
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const stream = fc
  .array(
    fc.oneof(
      fc
        .record({ type: fc.nat(14), flags: fc.nat(255), id, body: bytes(80) })
        .map((frame) => rawFrame(frame.type, frame.body, frame.id, frame.flags)),
      fc.record({ length: fc.nat(400), body: bytes(30) }).map((frame) => rawFrame(2, frame.body, 1, 0, frame.length)),
      bytes(20),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const metadata = fc.dictionary(fc.stringMatching(/^[a-z0-9_][a-z0-9._-]{0,20}$/), fc.stringMatching(/^[ -~]{0,30}$/), {
  maxKeys: 6,
});
const value = fc.jsonValue({ maxDepth: 3 }).filter((json) => !JSON.stringify(json).includes('__proto__'));

function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
}

describe('properties of frames', function () {
  this.timeout(60_000);

  it('the reader finds the same however the bytes are cut', () => {
    fc.assert(
      fc.property(stream, cuts, (whole, places) => {
        assert.deepEqual(read(cut(whole, places), 100), read([whole], 100));
      }),
      RUNS,
    );
  });

  it('a REQUEST is read as it was written', () => {
    const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,30}$/);
    const head = fc.record({
      id,
      flags: fc.nat(255),
      remainingMs: fc.nat(0xffff_ffff),
      attempt: fc.nat(255),
      priority: fc.nat(255),
    });
    const parsed = createParsedRequest();
    fc.assert(
      fc.property(
        head,
        name,
        name,
        metadata,
        fc.array(value, { maxLength: 3 }),
        (sent, service, method, pairs, args) => {
          const section = encodeMetadata(pairs, DEFAULT_LIMITS);
          const full = { ...sent, wireName: wireName(service, method), metadata: section };
          const [type, flags, gotId, body] = written((target) => writeRequest(target, CODEC, full, args));
          parseRequest(parsed, body, 0, body.length);
          assert.deepEqual([type, flags, gotId], [FrameType.REQUEST, sent.flags, sent.id]);
          assert.deepEqual(
            [parsed.remainingMs, parsed.attempt, parsed.priority],
            [sent.remainingMs, sent.attempt, sent.priority],
          );
          const readName = body.latin1Slice(parsed.nameStart, parsed.metadataStart);
          assert.deepEqual([readName, parsed.serviceLength], [service + method, service.length]);
          const got = decodeMetadata(body, parsed.metadataStart, parsed.payloadStart, DEFAULT_LIMITS);
          assert.deepEqual({ ...got }, { ...pairs });
          assert.deepEqual(decode(body, parsed.payloadStart, body.length), args);
        },
      ),
      RUNS,
    );
  });

  it('a RESPONSE is read as it was written', () => {
    fc.assert(
      fc.property(id, value, metadata, (sentId, sent, pairs) => {
        const section = encodeMetadata(pairs, DEFAULT_LIMITS);
        const [type, flags, gotId, body] = written((target) => writeResponse(target, CODEC, sentId, sent, section));
        const head = parseReplyHead(flags, body, 0, body.length, DEFAULT_LIMITS);
        assert.deepEqual([type, gotId, { ...head.metadata }], [FrameType.RESPONSE, sentId, { ...pairs }]);
        assert.deepEqual(decode(body, head.payloadStart, body.length), sent);
      }),
      RUNS,
    );
  });

  it('an ERROR is read as it was written', () => {
    const code = fc.constantFrom(...(Object.keys(CODE_NUMBERS) as Code[]));
    const retryAfterMs = fc.option(fc.nat(1_000_000), { nil: undefined });
    const details = fc.option(value, { nil: undefined });
    fc.assert(
      fc.property(
        id,
        code,
        text,
        retryAfterMs,
        details,
        fc.boolean(),
        (sentId, sentCode, reason, retryAfter, extra, ran) => {
          const sent = rpcError(sentCode, reason, { retryAfterMs: retryAfter, details: extra, progress: 'processed' });
          const [type, flags, gotId, body] = written((target) =>
            writeError(target, CODEC, sentId, sent, ran, DEFAULT_LIMITS.messageBytes),
          );
          const { error } = parseError(flags, body, 0, body.length, decode, DEFAULT_LIMITS);
          assert.deepEqual([type, gotId, error.code, error.reason], [FrameType.ERROR, sentId, sentCode, reason]);
          assert.deepEqual([error.retryAfterMs, error.details], [retryAfter, extra]);
          assert.equal(error.progress, ran ? 'processed' : 'refused');
        },
      ),
      RUNS,
    );
  });

  it('control frames and those of streams are read as they were written', () => {
    fc.assert(
      fc.property(
        id,
        fc.integer({ min: 1, max: 0xffff_ffff }),
        text,
        value,
        bytes(8),
        (sentId, credit, reason, item, opaque) => {
          const eight = Buffer.concat([opaque, Buffer.alloc(8)], 8);
          const granted = written((target) => writeCredit(target, sentId, credit));
          assert.deepEqual(
            [granted[0], granted[2], readCredit(granted[3], 0, granted[3].length)],
            [FrameType.CREDIT, sentId, credit],
          );
          const said = written((target) => writeGoAway(target, GoAwayCode.LIMIT, reason));
          assert.deepEqual(parseGoAway(said[3], 0, said[3].length), { code: GoAwayCode.LIMIT, reason });
          const sent = written((target) => writeItem(target, CODEC, sentId, item));
          assert.deepEqual([sent[0], sent[2], decode(sent[3], 0, sent[3].length)], [FrameType.ITEM, sentId, item]);
          assert.deepEqual(
            written((target) => writeEnd(target, sentId, undefined)),
            [FrameType.END, 0, sentId, Buffer.alloc(0)],
          );
          assert.deepEqual(
            written((target) => writeCancel(target, sentId, 3)),
            [FrameType.CANCEL, 0, sentId, Buffer.of(3)],
          );
          assert.deepEqual(
            written((target) => writePing(target, FrameType.PONG, eight)),
            [FrameType.PONG, 0, 0, eight],
          );
        },
      ),
      RUNS,
    );
  });
});
