import assert from 'node:assert/strict';
import type { CallStanding, Code } from '@org/rpc-core';
import { Call, DEFAULT_LIMITS } from '@org/rpc-core';
import { CODE_NUMBERS, rpcError, wireName } from '@org/rpc-core/internal';
import { allocateChunk, type Codec } from '../src/codec/codec.js';
import { msgpack } from '../src/codec/msgpack.js';
import { ReplyReader } from '../src/connection/client/reply-reader.js';
import {
  CancelReason,
  FrameType,
  GoAwayCode,
  GoAwayFlag,
  HEADER_BYTES,
  MORE,
  PIECE_BYTES,
  PREFACE,
  RequestFlag,
} from '../src/frames/frame.js';
import { createParsedRequest, parseGoAway, parseRequest } from '../src/frames/frame-parser.js';
import { FrameReader } from '../src/frames/frame-reader.js';
import {
  type FrameTarget,
  putHeader,
  writeCancel,
  writeError,
  writeGoAway,
  writeLoad,
  writePing,
  writeRequest,
  writeResponse,
} from '../src/frames/frame-writer.js';
import { type Hello, readHello, writeHello } from '../src/frames/hello.js';
import { NO_LOAD, packLoad, readLoad } from '../src/frames/load.js';
import { decodeMetadata, encodeMetadata } from '../src/frames/metadata.js';
import { pieceEnd, putPieceHeader } from '../src/frames/piece-frames.js';
import { readStanding, writeAsk, writeStanding } from '../src/frames/standing-frames.js';
import {
  itemCost,
  readCredit,
  writeCredit,
  writeEnd,
  writeItem,
  writePieceCredit,
} from '../src/frames/stream-frames.js';
import { codecError, decoded, encoded } from './codec-helpers.js';
import { type PlainFrame, uncompressed } from './plain-frame.js';
import { bytesOf, type FrameVector, notated, VECTORS } from './protocol-vectors.js';
import type { RawFrame } from './raw-peer.js';
import { wholeFrames } from './whole-frames.js';

/** The fields that there are; each type of frame has some of them. */
interface Fields {
  readonly id: number;
  readonly flags: readonly (keyof typeof RequestFlag)[];
  readonly remainingMs: number;
  readonly attempt: number;
  readonly priority: number;
  readonly service: string;
  readonly method: string;
  readonly metadata?: Record<string, string>;
  readonly args: unknown;
  readonly value: unknown;
  readonly code: number | Code;
  readonly handlerRan: boolean;
  readonly final?: boolean;
  readonly retryAfterMs?: number;
  readonly reason: string | number;
  readonly details?: unknown;
  readonly opaque: string;
  readonly bytes: number;
  readonly more: boolean;
  readonly piece: unknown;
  /** Calls in flight, and the time in the queue in 0.1 ms. */
  readonly load?: readonly [number, number];
  readonly isRunning: boolean;
  readonly isDone?: boolean;
  readonly sinceMs: number;
  readonly waitedMs: number;
  readonly downstream?: CallStanding['downstream'];
}

const codec: Codec = msgpack();
const decode = codec.createDecoder(DEFAULT_LIMITS);
const BODY_BYTES_MAX = DEFAULT_LIMITS.messageBytes;

describe('the vectors of the native protocol', () => {
  it('begin with the preface', () => assert.deepEqual(bytesOf(VECTORS.preface), PREFACE));

  it('have every frame type, request flag, reason to cancel and code of GOAWAY', () => {
    const of = (type: string, field: string): Set<unknown> =>
      new Set(VECTORS.frames.filter(({ fields }) => fields.type === type).flatMap(({ fields }) => fields[field] ?? []));
    assert.deepEqual([...new Set(VECTORS.frames.map(({ fields }) => fields.type))], Object.keys(FrameType));
    assert.deepEqual([...of('REQUEST', 'flags')].sort(), Object.keys(RequestFlag).sort());
    assert.deepEqual([...of('CANCEL', 'reason')], Object.values(CancelReason));
    assert.deepEqual([...of('GOAWAY', 'code')], Object.values(GoAwayCode));
    assert.deepEqual([...of('GOAWAY', 'flags')], Object.keys(GoAwayFlag));
  });

  for (const vector of VECTORS.frames) {
    const bytes = bytesOf(vector.hex);
    if (vector.onlyRead !== true)
      it(`${vector.name}: are written so`, () => assert.equal(written(vector).toString('hex'), bytes.toString('hex')));
    it(`${vector.name}: are read so`, () => assert.deepEqual(read(bytes), expected(vector)));
  }
});

describe('the vectors of values', () => {
  for (const { name, hex, value, onlyRead } of VECTORS.values) {
    const bytes = bytesOf(hex);
    if (onlyRead !== true)
      it(`${name}: is written so`, () => assert.equal(encoded(notated(value)).toString('hex'), bytes.toString('hex')));
    it(`${name}: is read so`, () => assert.deepEqual(comparable(decoded(bytes)), comparable(notated(value))));
  }

  for (const { name, hex, reason } of VECTORS.refusedValues) {
    it(`${name}: is refused`, () => {
      const text = reason.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      assert.throws(() => decoded(bytesOf(hex)), codecError(new RegExp(text)));
    });
  }
});

/** Errors without their stacks. */
function comparable(value: unknown): unknown {
  return value instanceof Error ? [value.name, value.message] : value;
}

function written({ fields }: FrameVector): Buffer {
  const target = frameTarget();
  WRITERS[fields.type]!(target, fields as unknown as Fields);
  return Buffer.from(target.chunk.bytes.subarray(0, target.position));
}

function frameTarget(): FrameTarget {
  const target = {
    chunk: allocateChunk(2 * PIECE_BYTES),
    position: 0,
    reserve: () => target.position,
  };
  return target;
}

const packed = (load: Fields['load']): number => (load === undefined ? NO_LOAD : packLoad(load[0], load[1] / 10));

const section = (metadata: Record<string, string> | undefined): Buffer | undefined =>
  metadata === undefined ? undefined : encodeMetadata(metadata, DEFAULT_LIMITS);

const WRITERS: Readonly<Record<string, (target: FrameTarget, fields: Fields) => void>> = {
  HELLO(target, fields) {
    const { type: _, ...hello } = fields as unknown as Hello & { type: string };
    target.position = HEADER_BYTES;
    writeHello(target, hello);
    putHeader(target, 0, FrameType.HELLO, 0, 0);
  },
  REQUEST(target, { id, flags, remainingMs, attempt, priority, service, method, metadata, args }) {
    const bits = flags.reduce((sum, flag) => sum | RequestFlag[flag], 0);
    const head = { id, flags: bits, remainingMs, attempt, priority, wireName: wireName(service, method) };
    writeRequest(target, codec, { ...head, metadata: section(metadata) }, notated(args) as unknown[]);
  },
  RESPONSE: (target, { id, value, metadata, load }) =>
    writeResponse(target, codec, id, notated(value), section(metadata), packed(load)),
  ERROR(target, { id, code, handlerRan, retryAfterMs, reason, details, final, load }) {
    writeError(
      target,
      codec,
      id,
      rpcError(code as Code, String(reason), { retryAfterMs, details, final }),
      handlerRan,
      BODY_BYTES_MAX,
      packed(load),
    );
  },
  CANCEL: (target, { id, reason }) => writeCancel(target, id, Number(reason)),
  PING: (target, { opaque }) => writePing(target, FrameType.PING, Buffer.from(opaque, 'hex')),
  PONG: (target, { opaque }) => writePing(target, FrameType.PONG, Buffer.from(opaque, 'hex')),
  GOAWAY: (target, { code, reason, flags }) =>
    writeGoAway(
      target,
      code as GoAwayCode,
      String(reason),
      flags === undefined ? 0 : GoAwayFlag[String(flags) as keyof typeof GoAwayFlag],
    ),
  LOAD: (target, { load }) => writeLoad(target, packed(load)),
  ITEM: (target, { id, value }) => writeItem(target, codec, id, notated(value)),
  END: (target, { id, metadata }) => writeEnd(target, id, section(metadata)),
  ASK: (target, { id }) => writeAsk(target, id),
  STANDING: (target, fields) => writeStanding(target, fields.id, fields),
  CREDIT: (target, { id, bytes }) => writeCredit(target, id, bytes),
  PIECE_CREDIT: (target, { bytes }) => writePieceCredit(target, bytes),
  CONTINUATION(target, { id, more, piece }) {
    const bytes = notated(piece) as Buffer;
    const sentBytes = pieceEnd(Number.POSITIVE_INFINITY, 0);
    // A rest of 1,024 bytes would go with this piece.
    const message = Buffer.alloc(HEADER_BYTES + sentBytes + bytes.length + (more ? 1_025 : 0));
    message.writeUInt32BE(id, 6);
    putPieceHeader(target.chunk.bytes, HEADER_BYTES, message, message.length - HEADER_BYTES, sentBytes);
    target.position = HEADER_BYTES + bytes.copy(target.chunk.bytes, HEADER_BYTES);
  },
};

/** What the parsers make of one frame. */
function read(bytes: Buffer): unknown {
  const frames: RawFrame[] = [];
  const reader = new FrameReader(
    wholeFrames({
      frame: (type, flags, id, chunk, start, end) =>
        frames.push({ type, flags, id, body: Buffer.from(chunk.subarray(start, end)) }),
      oversized: () => assert.fail('it is not too large'),
    }),
    BODY_BYTES_MAX,
  );
  // In two chunks, the first of which ends inside the header.
  reader.push(bytes.subarray(0, 7));
  reader.push(bytes.subarray(7));
  assert.equal(reader.isInsideFrame, false);
  const [frame] = frames;
  const name = Object.entries(FrameType).find(([, number]) => number === frame?.type)?.[0];
  const { inflatedBytes, ...plain } = uncompressed(frame!);
  return { type: name, ...READERS[name!]!(plain), ...(inflatedBytes === undefined ? {} : { inflatedBytes }) };
}

/** The fields of a vector as the parsers give them. */
function expected({ fields }: FrameVector): unknown {
  const { type, load, ...rest } = fields;
  // With an answer it is for the connection, see `load.test.ts`.
  const isOwn = load !== undefined && (type === 'LOAD' || type === 'HELLO');
  const values: Record<string, unknown> = { type, ...(isOwn ? { load } : {}) };
  for (const [key, value] of Object.entries(rest)) {
    // What a caller knows: whether it was refused, not the byte that said so.
    if (key === 'handlerRan') values['progress'] = value === true ? 'processed' : 'refused';
    else values[key] = notated(value);
  }
  return values;
}

const READERS: Readonly<Record<string, (frame: PlainFrame) => Record<string, unknown>>> = {
  HELLO: ({ body }) => ({ ...readHello(body, 0, body.length) }),
  REQUEST({ id, flags, body }) {
    const parsed = createParsedRequest();
    parseRequest(parsed, body, 0, body.length);
    const { remainingMs, attempt, priority, nameStart, serviceLength, metadataStart, payloadStart } = parsed;
    const name = body.latin1Slice(nameStart, metadataStart);
    const metadata = { ...decodeMetadata(body, metadataStart, payloadStart, DEFAULT_LIMITS) };
    return {
      id,
      flags: (Object.keys(RequestFlag) as (keyof typeof RequestFlag)[]).filter((key) => flags & RequestFlag[key]),
      ...{ remainingMs, attempt, priority },
      service: name.slice(0, serviceLength),
      method: name.slice(serviceLength),
      ...(metadataStart === payloadStart ? {} : { metadata }),
      args: decode(body, payloadStart, body.length),
    };
  },
  RESPONSE(frame) {
    const { call, outcome } = settled(frame);
    return { id: frame.id, ...metadataOf(call), value: outcome };
  },
  ERROR(frame) {
    const { call, outcome } = settled(frame);
    const { code, progress, retryAfterMs, reason, details, final } = outcome as ReturnType<typeof rpcError>;
    assert.ok(CODE_NUMBERS[code as Code] > 0);
    return {
      ...{ id: frame.id, code, progress, reason, ...metadataOf(call) },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(final ? { final } : {}),
      ...(details === undefined ? {} : { details }),
    };
  },
  CANCEL: ({ id, body }) => ({ id, reason: body[0] }),
  PING: ({ body }) => ({ opaque: body.toString('hex') }),
  PONG: ({ body }) => ({ opaque: body.toString('hex') }),
  GOAWAY: ({ flags, body }) => ({
    ...parseGoAway(body, 0, body.length),
    ...(flags === 0
      ? {}
      : { flags: Object.keys(GoAwayFlag).filter((name) => GoAwayFlag[name as keyof typeof GoAwayFlag] === flags) }),
  }),
  ITEM: ({ id, body, cost = itemCost(body.length) }) => ({
    ...{ id, cost },
    value: body.length === 0 ? undefined : decode(body, 0, body.length),
  }),
  END: (frame) => ({ id: frame.id, ...metadataOf(settled(frame).call) }),
  ASK: ({ id }) => ({ id }),
  STANDING({ id, body }) {
    const { at: _, ...standing } = readStanding(body, 0, body.length, 0);
    return { id, ...standing };
  },
  CREDIT: ({ id, body }) => ({ id, bytes: readCredit(body, 0, body.length) }),
  PIECE_CREDIT: ({ body }) => ({ bytes: readCredit(body, 0, body.length) }),
  LOAD({ body }) {
    if (body.length === 0) return {};
    const load = { inFlight: 0, queueMs: 0, at: 0 };
    readLoad(load, body, 0, body.length, 0);
    return { load: [load.inFlight, load.queueMs * 10] };
  },
  CONTINUATION: ({ id, flags, body }) => ({ id, more: (flags & MORE) !== 0, piece: body }),
};

function testCall(): Call {
  return new Call({ service: 'test', method: 'get', wireName: wireName('test', 'get') }, [], false);
}

function settled({ type, flags, body }: RawFrame): { call: Call; outcome: unknown } {
  const call = testCall();
  let outcome: unknown;
  call.resolve = (value) => {
    outcome = value;
  };
  call.reject = (error) => {
    outcome = error;
  };
  new ReplyReader({ decode, given: undefined }, DEFAULT_LIMITS).settle(call, type, flags, body, 0, body.length);
  return { call, outcome };
}

function metadataOf({ responseMetadata }: Call): { metadata?: unknown } {
  return responseMetadata === undefined ? {} : { metadata: { ...responseMetadata } };
}
