import { bigintBytes, errorParts, typedArrayRow } from './extensions.js';
import { Float } from './float.js';
import type { EncoderMembers } from './msgpack-internals.js';
import { UNSUPPORTED } from './unsupported.js';
import type { ValueKind } from './value-kind.js';

/** What the functions below need of the encoder: arrays and maps are counted and bounded by it. */
interface CommonEncoder extends EncoderMembers {
  /** Whether the peer knows the old format only. */
  readonly isRaw: boolean;
  encodeEntries(map: ReadonlyMap<unknown, unknown>, depth: number): void;
}

/**
 * Writes a bigint as an integer if MessagePack has one of its size, else as decimal text.
 */
export function encodeCommonBigint(encoder: EncoderMembers, value: bigint): void {
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) encoder.encodeNumber(Number(value));
  else if (value >= -0x8000_0000_0000_0000n && value <= 0xffff_ffff_ffff_ffffn) encoder.encodeBigInt64(value);
  // Making the text of a larger one takes time that grows with the square of its length.
  else if (bigintBytes(value) === undefined) throw UNSUPPORTED;
  else encoder.encodeString(value.toString());
}

/**
 * Writes an object in types that every language has: a `Map` as a map, a `Set` as an array, an `Error` as the map of its name and
 * message, typed arrays as bytes or as arrays. For the raw format a `Date` is a text, and extensions do not exist.
 * @returns false, and writes nothing, for what is written in the same way as between our own peers
 */
export function encodeCommon(encoder: CommonEncoder, value: object, kind: ValueKind, depth: number): boolean {
  if (kind === 'map' || kind === 'set' || kind === 'error') encodeCollection(encoder, value, kind, depth);
  else if (kind === 'typed-array' || kind === 'array-buffer')
    encodeNumbers(encoder, value as ArrayBufferView | ArrayBuffer, depth);
  else if (encoder.isRaw && kind === 'date') {
    if (Number.isNaN((value as Date).getTime())) throw UNSUPPORTED;
    encoder.encodeString((value as Date).toISOString());
  } else if (encoder.isRaw && kind === 'extension') throw UNSUPPORTED;
  else return false;
  return true;
}

function encodeCollection(encoder: CommonEncoder, value: object, kind: string, depth: number): void {
  if (kind === 'map') encoder.encodeEntries(value as Map<unknown, unknown>, depth);
  else if (kind === 'set') encoder.encodeArray([...(value as Set<unknown>)], depth);
  else {
    const [name, message] = errorParts(value as Error);
    encoder.encodeMap({ name, message }, depth);
  }
}

/** Writes bytes as bin, and other numbers as an array of integers or of floats, as their class says. */
function encodeNumbers(encoder: EncoderMembers, value: ArrayBufferView | ArrayBuffer, depth: number): void {
  const row = typedArrayRow(value);
  if (row === undefined) throw UNSUPPORTED;
  if (!ArrayBuffer.isView(value)) encoder.encodeBinary(new Uint8Array(value));
  else if (row[1] === Uint8ClampedArray)
    encoder.encodeBinary(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  else {
    const numbers = [...(value as unknown as Iterable<number | bigint>)];
    const isFloats = row[1] === Float32Array || row[1] === Float64Array;
    encoder.encodeArray(isFloats ? numbers.map((number) => new Float(number as number)) : numbers, depth);
  }
}
