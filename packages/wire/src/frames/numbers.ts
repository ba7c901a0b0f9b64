/** Big-endian, without the argument checks of `readUInt32BE`: the caller knows that the bytes are there. */
export function readUint32(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Big-endian, unchecked, see {@link readUint32}. */
export function readUint16(bytes: Buffer, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
