import { CODE_NUMBERS, type Code } from '../../../packages/rpc-core/src/code.js';
import { rpcError } from '../../../packages/rpc-core/src/error.js';
import { DEFAULT_LIMITS } from '../../../packages/rpc-core/src/limits.js';
import { wireName } from '../../../packages/rpc-core/src/method-ref.js';
import { allocateChunk, type Chunk } from '../../../packages/wire/src/codec/codec.js';
import {
  FrameType,
  type GoAwayCode,
  HEADER_BYTES,
  PREFACE,
  RequestFlag,
} from '../../../packages/wire/src/frames/frame.js';
import {
  type FrameTarget,
  writeCancel,
  writeError,
  writeGoAway,
  writeLoad,
  writePing,
  writeRequest,
  writeResponse,
} from '../../../packages/wire/src/frames/frame-writer.js';
import { encodeMetadata } from '../../../packages/wire/src/frames/metadata.js';
import { writeCredit, writeEnd, writeItem } from '../../../packages/wire/src/frames/stream-frames.js';
import { type Chance, EDGES } from '../chance.js';
import { CODEC, encode, randomMessagePack, randomValue, u32 } from './message-pack.js';

/** Makes one frame. */
export type FrameMaker = (chance: Chance) => Buffer;

/** The methods of the host that servers under test have. */
export const METHODS = ['echo', 'later', 'hang', 'fail', 'back', 'source', 'sink', 'none'] as const;
const STREAMING: readonly string[] = ['back', 'source', 'sink'];

class Scratch implements FrameTarget {
  chunk: Chunk = allocateChunk(256);
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

/** The bytes that a writer appends. */
export function written(write: (target: FrameTarget) => void): Buffer {
  const target = new Scratch();
  write(target);
  return Buffer.from(target.chunk.bytes.subarray(0, target.position));
}

/** A frame of any bytes. `length` may lie. */
export function frame(type: number, flags: number, id: number, body: Buffer, length = body.length): Buffer {
  return Buffer.concat([u32(length), Buffer.of(type & 0xff, flags & 0xff), u32(id), body]);
}

/** An id of a call: small, so that frames meet, and now and then at an edge. */
export function randomId(chance: Chance): number {
  return chance.flip(0.05) ? chance.pick(EDGES) : chance.between(chance.flip(0.1) ? 0 : 1, 8);
}

/** A greeting, mostly a valid one. */
export const hello: FrameMaker = (chance) => {
  const fields: Record<string, unknown> = {
    version: 1,
    instance: 'raw',
    expect: chance.flip(0.03) ? 'other' : '',
    codec: 'msgpack',
    uptimeMs: chance.size(1_000_000),
    messageBytes: chance.flip(0.3) ? 1024 + chance.size(5_000) : 4_194_304,
    callsInFlight: chance.flip(0.2) ? 1 + chance.size(10) : 4096,
  };
  if (chance.flip(0.3)) fields['streamCredit'] = 65_536 + chance.pick(EDGES);
  if (chance.flip(0.3)) fields['connectionCredit'] = 1_048_576 + chance.pick(EDGES);
  if (chance.flip(0.3)) fields['compression'] = chance.pick([['deflate'], [], ['gzip', 'deflate'], 7]);
  if (chance.flip(0.3)) fields['load'] = chance.pick([true, true, 1, null]);
  if (chance.flip(0.05)) fields[chance.pick(Object.keys(fields))] = randomValue(chance, 3);
  return frame(FrameType.HELLO, 0, 0, encode(fields));
};

const request: FrameMaker = (chance) => {
  const method = chance.pick(METHODS);
  const isStream = STREAMING.includes(method) !== chance.flip(0.05);
  const oneWay = chance.flip(0.1);
  const flags =
    (isStream ? RequestFlag.STREAM : 0) |
    (oneWay ? RequestFlag.ONE_WAY : 0) |
    (chance.flip(0.2) ? RequestFlag.IDEMPOTENT : 0) |
    (chance.flip(0.05) ? chance.below(256) : 0);
  const head = {
    id: oneWay ? 0 : randomId(chance),
    flags,
    remainingMs: chance.flip(0.5) ? chance.size(10_000) : chance.pick([0, 1, 0xffff_ffff]),
    attempt: chance.size(255),
    priority: 128,
    wireName: wireName('test', method),
    metadata: chance.flip(0.3)
      ? encodeMetadata({ a: 'b', 'trace-id': 'x'.repeat(chance.size(50)) }, DEFAULT_LIMITS)
      : undefined,
  };
  const args = Array.from({ length: chance.size(4) }, () => randomValue(chance, 2));
  return written((target) => writeRequest(target, CODEC, head, args));
};

const response: FrameMaker = (chance) =>
  written((target) =>
    writeResponse(
      target,
      CODEC,
      randomId(chance),
      randomValue(chance, 1),
      chance.flip(0.2) ? encodeMetadata({ took: '1' }, DEFAULT_LIMITS) : undefined,
      chance.flip(0.2) ? chance.below(2 ** 32) : undefined,
    ),
  );

const error: FrameMaker = (chance) => {
  const code = chance.pick(Object.keys(CODE_NUMBERS) as Code[]);
  const details = chance.flip(0.3) ? randomValue(chance, 3) : undefined;
  const failure = rpcError(code, chance.pick(['', 'no', 'x'.repeat(5_000)]), {
    details,
    retryAfterMs: chance.flip(0.2) ? chance.size(10_000) : undefined,
    progress: 'processed',
  });
  return written((target) => writeError(target, CODEC, randomId(chance), failure, chance.flip(0.5), 4_194_304));
};

const item: FrameMaker = (chance) => {
  const id = randomId(chance);
  if (chance.flip(0.1)) return written((target) => writeItem(target, CODEC, id, undefined));
  const value = chance.flip(0.05) ? Buffer.alloc(chance.size(70_000)) : randomValue(chance, 2);
  return written((target) => writeItem(target, CODEC, id, value));
};

const end: FrameMaker = (chance) =>
  written((target) =>
    writeEnd(target, randomId(chance), chance.flip(0.2) ? encodeMetadata({ a: 'b' }, DEFAULT_LIMITS) : undefined),
  );

const credit: FrameMaker = (chance) =>
  written((target) =>
    writeCredit(
      target,
      chance.flip(0.3) ? 0 : randomId(chance),
      chance.flip(0.7) ? 1 + chance.size(100_000) : chance.pick(EDGES),
    ),
  );

const cancel: FrameMaker = (chance) => written((target) => writeCancel(target, randomId(chance), chance.between(0, 4)));

const ping: FrameMaker = (chance) => written((target) => writePing(target, FrameType.PING, chance.bytes(8)));

const pong: FrameMaker = (chance) => written((target) => writePing(target, FrameType.PONG, chance.bytes(8)));

const goAway: FrameMaker = (chance) =>
  written((target) => writeGoAway(target, chance.below(7) as GoAwayCode, chance.pick(['', 'bye', 'x'.repeat(2_000)])));

/** A question, or an answer; or neither. */
const load: FrameMaker = (chance) =>
  chance.flip(0.1)
    ? frame(FrameType.LOAD, 0, 0, chance.bytes(chance.size(8)))
    : written((target) => writeLoad(target, chance.flip(0.5) ? chance.below(2 ** 32) : undefined));

/** Any type, any flags; the body may be that of another frame. */
const strange: FrameMaker = (chance) => {
  const body = chance.flip(0.5) ? randomMessagePack(chance) : chance.bytes(chance.size(100));
  const flags = chance.flip(0.5) ? 0 : chance.below(256);
  return frame(chance.below(16), flags, randomId(chance), body, chance.flip(0.1) ? chance.pick(EDGES) : body.length);
};

/** Types and flags of messages in pieces and of compression. */
const MORE = 0x08;
const COMPRESSED = 0x10;
const CONTINUATION = 12;

/** One message cut into pieces, with other frames between them, mostly announced and joined as it should be. */
const pieces =
  (whole: FrameMaker): FrameMaker =>
  (chance) => {
    const one = whole(chance);
    const id = one.readUInt32BE(6);
    const filler = chance.flip(0.5) ? Buffer.alloc(chance.size(6_000)) : Buffer.alloc(0);
    const body = Buffer.concat([one.subarray(HEADER_BYTES), filler]);
    const count = 1 + chance.size(5);
    const size = Math.max(1, Math.ceil(body.length / count));
    const announced = chance.flip(0.8) ? body.length : chance.pick(EDGES);
    const parts: Buffer[] = [];
    for (let at = 0; at < body.length || at === 0; at += size) {
      const piece = body.subarray(at, at + size);
      const isLast = at + size >= body.length;
      const flags = isLast === chance.flip(0.95) ? 0 : MORE;
      if (at === 0) parts.push(frame(one[4]!, one[5]! | MORE, id, Buffer.concat([u32(announced), piece])));
      else parts.push(frame(CONTINUATION, flags, chance.flip(0.95) ? id : randomId(chance), piece));
      if (chance.flip(0.2)) parts.push(chance.pick([ping, credit, cancel, request, item])(chance));
    }
    return Buffer.concat(parts);
  };

/** A payload that is said to be compressed: right, cut, or of another length than announced. */
const compressed =
  (whole: FrameMaker): FrameMaker =>
  (chance) => {
    const one = Buffer.from(whole(chance));
    one[5] = one[5]! | COMPRESSED;
    return one;
  };

/** What a client sends, each as often as it stands here. New frames of the protocol are added here. */
export const CLIENT_FRAMES: readonly FrameMaker[] = [
  ...[request, request, request, request, request, item, item, item, end, credit, credit, cancel, ping, pong, goAway],
  ...[load, strange, hello, response, error, pieces(request), pieces(item), compressed(request), compressed(item)],
];

/** What a server sends. */
export const SERVER_FRAMES: readonly FrameMaker[] = [
  ...[response, response, response, response, error, error, item, item, item, end, credit, credit, ping, pong, goAway],
  ...[load, strange, hello, request, cancel, pieces(response), pieces(item), compressed(response), compressed(item)],
];

/** A session: a greeting and frames. Clients begin with the preface. */
export function session(chance: Chance, makers: readonly FrameMaker[], preface: boolean): Buffer {
  const parts: Buffer[] = preface && !chance.flip(0.01) ? [PREFACE] : [];
  if (!chance.flip(0.03)) parts.push(hello(chance));
  const count = chance.size(40);
  // GOAWAY and other ends make everything after them dull.
  for (let i = 0; i < count; i++) {
    let maker = chance.pick(makers);
    if (maker === goAway && !chance.flip(0.2)) maker = ping;
    if (maker === hello && !chance.flip(0.2)) maker = credit;
    parts.push(maker(chance));
  }
  return Buffer.concat(parts);
}

/** Where frames begin. */
export function frameBoundaries(bytes: Buffer): number[] {
  const places: number[] = [0];
  let at = bytes.subarray(0, PREFACE.length).equals(PREFACE) ? PREFACE.length : 0;
  if (at > 0) places.push(at);
  while (at + HEADER_BYTES <= bytes.length && places.length < 5_000) {
    at += HEADER_BYTES + bytes.readUInt32BE(at);
    if (at < bytes.length) places.push(at);
  }
  return places;
}
