import { allocateChunk, type Codec } from '../../../packages/wire/src/codec/codec.js';
import { UnknownExtension } from '../../../packages/wire/src/codec/extensions.js';
import { msgpack } from '../../../packages/wire/src/codec/msgpack.js';
import { type Chance, EDGES } from '../chance.js';

/** What writes the valid part of every input. */
export const CODEC: Codec = msgpack({ unknownExtensions: 'keep' });

/** The bytes of a value. */
export function encode(value: unknown): Buffer {
  const target = { chunk: allocateChunk(64), position: 0 };
  CODEC.encode(value, target);
  return Buffer.from(target.chunk.bytes.subarray(0, target.position));
}

const TEXTS = [
  '',
  'a',
  'id',
  'name',
  'constructor',
  'caf\u00e9',
  '\ufffd',
  '\u{1f600}',
  'x'.repeat(31),
  'y'.repeat(32),
  'z'.repeat(256),
];

/** Any value that the codec takes. */
export function randomValue(chance: Chance, depth = 0): unknown {
  const kind = chance.below(depth > 4 ? 11 : 16);
  switch (kind) {
    case 0:
      return null;
    case 1:
      return chance.flip(0.5);
    case 2:
      return chance.between(-200, 300);
    case 3:
      return chance.pick(EDGES) * (chance.flip(0.3) ? -1 : 1) || 0;
    case 4:
      return chance.pick([0.5, -1.25, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]);
    case 5:
    case 6:
      return chance.pick(TEXTS);
    case 7:
      return chance.bytes(chance.size(300));
    case 8:
      return (chance.flip(0.5) ? -1n : 1n) * BigInt(chance.pick(EDGES)) ** BigInt(chance.below(5));
    case 9:
      return new Date(chance.pick(EDGES) * 1000 * (chance.flip(0.2) ? -1 : 1));
    case 10:
      return chance.pick([
        () => new UnknownExtension(chance.between(-128, 127), chance.bytes(chance.size(40))),
        () => new Float32Array([1, 2, 3]),
        () => new BigInt64Array(2),
        () => new Error('failed'),
        () => chance.bytes(8).buffer.slice(0, 8),
      ])();
    case 11:
    case 12:
      return many(chance, depth);
    case 13:
    case 14:
      return Object.fromEntries(
        many(chance, depth).map((value, index) => [`${chance.pick(['k', 'id', ''])}${index}`, value]),
      );
    default:
      return chance.flip(0.5)
        ? new Set(many(chance, depth))
        : new Map(many(chance, depth).map((value, index) => [chance.pick([index, `k${index}`, BigInt(index)]), value]));
  }
}

function many(chance: Chance, depth: number): unknown[] {
  return Array.from({ length: chance.size(depth === 0 ? 20 : 5) }, () => randomValue(chance, depth + 1));
}

/** Bytes that follow the grammar loosely: headers whose lengths and counts may lie. */
export function randomMessagePack(chance: Chance): Buffer {
  const parts: Buffer[] = [];
  const count = 1 + chance.size(40);
  for (let i = 0; i < count; i++) parts.push(randomToken(chance));
  return Buffer.concat(parts);
}

const NESTED_TYPES = [0x6d, 0x73, 0x65];
const KNOWN_TYPES = [...NESTED_TYPES, 0x42, 0x74, 0xff, 0x00, 0x01];

function randomToken(chance: Chance): Buffer {
  const kind = chance.below(9);
  if (kind === 0) return Buffer.of(chance.between(0x80, 0xbf));
  if (kind === 1)
    return Buffer.concat([Buffer.of(chance.pick([0x90, 0x91, 0x92, 0x93, 0x81, 0x82])), encode(chance.pick(TEXTS))]);
  if (kind === 2) return Buffer.concat([Buffer.of(chance.pick([0xdc, 0xde])), u16(chance.size(70_000))]);
  if (kind === 3) return Buffer.concat([Buffer.of(chance.pick([0xdd, 0xdf, 0xc6, 0xdb])), u32(chance.pick(EDGES))]);
  if (kind === 4) return extension(chance);
  if (kind === 5) return chance.bytes(1);
  if (kind === 6) return Buffer.concat([Buffer.of(chance.between(0xc0, 0xdf)), chance.bytes(chance.below(10))]);
  return encode(randomValue(chance, 3));
}

function extension(chance: Chance): Buffer {
  const body = chance.flip(0.7)
    ? encode(Array.from({ length: chance.size(8) }, () => randomValue(chance, 4)))
    : chance.bytes(chance.size(20));
  const type = chance.pick(KNOWN_TYPES);
  const length = body.length + (chance.flip(0.2) ? chance.between(-2, 2) : 0);
  const head =
    chance.flip(0.5) && length <= 255 && length >= 0
      ? Buffer.of(0xc7, length, type)
      : Buffer.concat([Buffer.of(0xc8), u16(Math.max(0, length) & 0xffff), Buffer.of(type)]);
  return Buffer.concat([head, body]);
}

/** Big-endian. */
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value & 0xffff);
  return bytes;
}

/** Big-endian. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
