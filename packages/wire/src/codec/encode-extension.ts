import { encodeDateToTimeSpec, encodeTimeSpecToTimestamp } from '@msgpack/msgpack';
import { ELEMENT_COSTS } from './element-costs.js';
import { bigintBytes, EXTENSION, littleEndian, typedArrayRow } from './extensions.js';
import type { EncoderMembers } from './msgpack-internals.js';
import { UNSUPPORTED } from './unsupported.js';

/** Writes `undefined` where a value must stand: in an array, a `Map` or a `Set`, or as the whole message. */
export function encodeUndefined(encoder: EncoderMembers): void {
  encoder.writeU8(0xd4);
  encoder.writeU16(EXTENSION.undefined);
}

/** Writes a bigint as a 64-bit integer or as our extension, so that it always arrives as a bigint. @returns its element cost */
export function encodeBigint(encoder: EncoderMembers, value: bigint): number {
  if (!isBigintExtension(value)) {
    encoder.encodeBigInt64(value);
    return 0;
  }
  const data = bigintBytes(value);
  if (data === undefined) throw UNSUPPORTED;
  encoder.encodeExtension({ type: EXTENSION.bigint, data });
  return ELEMENT_COSTS.small;
}

/** Whether a bigint takes our extension. What a number can hold exactly does: a decoder gives a number for such an integer. */
export function isBigintExtension(value: bigint): boolean {
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return isSafe || value > 0xffff_ffff_ffff_ffffn || value < -0x8000_0000_0000_0000n;
}

/** Writes a timestamp of the MessagePack specification. */
export function encodeDate(encoder: EncoderMembers, date: Date): void {
  if (Number.isNaN(date.getTime())) throw UNSUPPORTED;
  const data = encodeTimeSpecToTimestamp(encodeDateToTimeSpec(date));
  encoder.encodeExtension({ type: EXTENSION.timestamp, data });
}

/** Writes a typed array or an `ArrayBuffer`: its kind and its elements. */
export function encodeTypedArray(encoder: EncoderMembers, value: ArrayBufferView | ArrayBuffer): void {
  const row = typedArrayRow(value);
  if (row === undefined) throw UNSUPPORTED;
  const [code, , elementBytes] = row;
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  encoder.writeU8(0xc9);
  encoder.writeU32(1 + bytes.length);
  encoder.writeU8(EXTENSION.typedArray);
  encoder.writeU8(code);
  encoder.writeU8a(littleEndian(bytes, elementBytes));
}

/** Writes an extension around one array, always with a 32-bit length, since it is known only after the array was written. */
export function encodeNested(encoder: EncoderMembers, type: number, parts: readonly unknown[], depth: number): void {
  const header = encoder.pos;
  encoder.writeU8(0xc9);
  encoder.writeU32(0);
  encoder.writeU8(type);
  encoder.encodeArray(parts, depth);
  encoder.view.setUint32(header + 1, encoder.pos - header - 6);
}
