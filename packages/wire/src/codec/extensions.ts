import { endianness } from 'node:os';
import { DecodeError, decodeTimestampToTimeSpec } from '@msgpack/msgpack';

/**
 * The extension types that the codec writes and reads. MessagePack leaves 0 to 127 to applications; ours are a zero and
 * letters, away from the small numbers that peers such as Neovim use. "Body" is what follows the extension's header.
 *
 * | type | value | body |
 * |---|---|---|
 * | -1 | `Date` | the timestamp of the MessagePack specification (4, 8 or 12 bytes) |
 * | 0 | `undefined` | one byte `00` (the same as msgpackr writes) |
 * | 66 `B` | `bigint` | two's complement, big-endian, 1 to 1,024 bytes |
 * | 101 `e` | `Error` | one MessagePack array `[name, message]` of two strings |
 * | 109 `m` | `Map` | one MessagePack array `[key, value, key, value, ...]` |
 * | 115 `s` | `Set` | one MessagePack array of the members |
 * | 116 `t` | typed array, `ArrayBuffer` | one byte of {@link TYPED_ARRAYS}, then the elements, little-endian |
 *
 * A `bigint` of 64 bits that a number cannot hold exactly is written as int 64 or uint 64, not as an extension.
 */
export const EXTENSION = {
  timestamp: -1,
  undefined: 0,
  bigint: 0x42,
  error: 0x65,
  map: 0x6d,
  set: 0x73,
  typedArray: 0x74,
} as const;

/** Largest bigint, in bytes (8,192 bits): arithmetic on larger ones blocks the process for whoever receives them. */
export const BIGINT_BYTES = 1024;

/**
 * The most work that the numbers among the keys of `Map`s and the members of `Set`s of one message may cost, see {@link
 * numericKeyWork}. V8 hashes numbers without a seed, so a peer can choose numbers that all collide, and each is then compared
 * with all before it: 2,048 numbers or 1,024 bigints in one collection take 4 to 6 ms, ten times as many take a hundred times as
 * long. Many small collections cost little. Strings are hashed with a seed and need no such bound.
 */
export const NUMERIC_KEY_WORK: number = 2 ** 21;

/**
 * The most that a key at this position of its collection may cost, in comparisons of numbers; comparing a bigint takes four times
 * as long.
 */
export function numericKeyWork(key: unknown, position: number): number {
  return typeof key === 'number' ? position : typeof key === 'bigint' ? 4 * position : 0;
}

/** The error text for a message or value beyond {@link NUMERIC_KEY_WORK}. */
export const TOO_MANY_NUMERIC_KEYS =
  'too many numbers as keys of maps and sets (at most 2,048 in one, or 1,024 bigints)';

/** An extension of a type that this codec does not know, kept as it came. It can be encoded again. */
export class UnknownExtension {
  /** From -128 to 127. */
  readonly type: number;
  /** The body; its memory is its own. */
  readonly data: Uint8Array;

  /** @throws TypeError when the type is not an integer from -128 to 127 */
  constructor(type: number, data: Uint8Array) {
    if (!Number.isInteger(type) || type < -128 || type > 127) {
      throw new TypeError(`type of an extension must be an integer from -128 to 127, not ${type}`);
    }
    this.type = type;
    this.data = data;
  }
}

/** What extension type `t` carries: code, constructor, bytes of an element. The codes are those of msgpackr where it has one. */
export const TYPED_ARRAYS = [
  [0, Int8Array, 1],
  [2, Uint8ClampedArray, 1],
  [3, Int16Array, 2],
  [4, Uint16Array, 2],
  [5, Int32Array, 4],
  [6, Uint32Array, 4],
  [7, Float32Array, 4],
  [8, Float64Array, 8],
  [9, BigInt64Array, 8],
  [10, BigUint64Array, 8],
  [16, ArrayBuffer, 1],
] as const;

/** The row of {@link TYPED_ARRAYS} for a value; undefined for what the codec does not carry, such as `Float16Array`. */
export function typedArrayRow(value: ArrayBufferView | ArrayBuffer): (typeof TYPED_ARRAYS)[number] | undefined {
  const name = typedArrayName(value);
  return TYPED_ARRAYS.find(([, type]) => type.name === name);
}

/** The name of a typed array's true class, whatever its prototypes and tags say. */
export function typedArrayName(value: ArrayBufferView | ArrayBuffer): string {
  const prototype: object = Object.getPrototypeOf(Int8Array.prototype);
  const name: unknown = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)?.get?.call(value);
  return typeof name === 'string' ? name : 'ArrayBuffer';
}

/** A copy of the elements in little-endian order. */
export function littleEndian(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  swapToLittleEndian(copy, elementBytes);
  return copy;
}

/** To little-endian order from that of this machine, or back. */
function swapToLittleEndian(bytes: Uint8Array, elementBytes: number): void {
  if (endianness() !== 'BE') return;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (elementBytes === 2) buffer.swap16();
  else if (elementBytes === 4) buffer.swap32();
  else if (elementBytes === 8) buffer.swap64();
}

/**
 * Reads the body of extension type `t`, `bytes[start, end)`.
 * @throws DecodeError when it is not one
 */
export function typedArray(bytes: Buffer, start: number, end: number): ArrayBufferView | ArrayBuffer {
  const code = end > start ? bytes[start] : undefined;
  const known = TYPED_ARRAYS.find((row) => row[0] === code);
  if (known === undefined) throw new DecodeError('a typed array of an unknown kind');
  const [, type, elementBytes] = known;
  const length = end - start - 1;
  if (length % elementBytes !== 0) throw new DecodeError(`elements of ${type.name} of which the last is cut off`);
  const memory = new ArrayBuffer(length);
  if (type === ArrayBuffer) {
    if (length > 0) bytes.copy(new Uint8Array(memory), 0, start + 1, end);
    return memory;
  }
  const array = new type(memory);
  if (length === 0) return array;
  const raw = new Uint8Array(memory);
  bytes.copy(raw, 0, start + 1, end);
  swapToLittleEndian(raw, elementBytes);
  return array;
}

/** The shortest two's complement of a bigint, undefined when it takes more than {@link BIGINT_BYTES}. */
export function bigintBytes(value: bigint): Uint8Array | undefined {
  const digits = (value < 0n ? ~value : value).toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const hex = even.charCodeAt(0) >= 0x38 ? `00${even}` : even;
  if (hex.length > 2 * BIGINT_BYTES) return undefined;
  const bytes = Buffer.from(hex, 'hex');
  return value < 0n ? inverted(bytes) : bytes;
}

/**
 * Reads the body of extension type `B`; longer forms than the shortest are read as well.
 * @throws DecodeError when it is empty or longer than {@link BIGINT_BYTES}
 */
export function bigintFrom(body: Uint8Array): bigint {
  if (body.length === 0 || body.length > BIGINT_BYTES) {
    throw new DecodeError(`a bigint of ${body.length} bytes; 1 to ${BIGINT_BYTES} are allowed`);
  }
  const negative = body[0]! >= 0x80;
  const magnitude = BigInt(`0x${(negative ? inverted(body) : Buffer.from(body)).toString('hex')}`);
  return negative ? ~magnitude : magnitude;
}

function inverted(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte) => byte ^ 0xff));
}

/**
 * Reads a timestamp. Parts of a millisecond are cut off towards the past, since a `Date` has none.
 * @throws DecodeError when it is malformed or beyond what a `Date` can hold
 */
export function dateFrom(body: Uint8Array): Date {
  if (body.length !== 4 && body.length !== 8 && body.length !== 12) {
    throw new DecodeError(`a timestamp of ${body.length} bytes; it has 4, 8 or 12`);
  }
  const { sec, nsec } = decodeTimestampToTimeSpec(body);
  if (nsec > 999_999_999) throw new DecodeError(`a timestamp of ${nsec} nanoseconds; the most are 999,999,999`);
  const date = new Date(sec * 1000 + Math.floor(nsec / 1e6));
  if (Number.isNaN(date.getTime())) throw new DecodeError('a timestamp outside the range of Date');
  return date;
}

/**
 * An error as it came from elsewhere: a plain `Error` with that name. It has no stack frames: those of the sender are not sent,
 * and collecting those of this decoder would cost microseconds for a few bytes of input.
 * @throws DecodeError when the parts are not two strings
 */
export function errorFrom(parts: readonly unknown[]): Error {
  const [name, message] = parts;
  if (parts.length !== 2 || typeof name !== 'string' || typeof message !== 'string') {
    throw new DecodeError('an error that is not [name, message]');
  }
  const frames = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error(message);
  Error.stackTraceLimit = frames;
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  error.stack = message === '' ? name : `${name}: ${message}`;
  return error;
}

/** The parts of an error that are sent: its name and message, never its stack, cause or fields. */
export function errorParts(error: Error): [name: string, message: string] {
  const { name, message } = error;
  return [typeof name === 'string' ? name : 'Error', typeof message === 'string' ? message : ''];
}

/** @throws DecodeError when the array is not of keys and values in turn */
export function mapFrom(parts: readonly unknown[]): Map<unknown, unknown> {
  if (parts.length % 2 !== 0) throw new DecodeError('a map with a key that has no value');
  const map = new Map<unknown, unknown>();
  for (let i = 0; i < parts.length; i += 2) map.set(parts[i], parts[i + 1]);
  return map;
}
