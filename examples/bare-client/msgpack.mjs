/*
 * The few types of MessagePack that a small client needs: nil, bool, numbers, text, bytes, arrays and objects. The bytes are on
 * the page docs/protocol.md, under "Values".
 */

/** The bytes of a value. */
export function encode(value) {
  if (value === null || value === undefined) return Buffer.of(0xc0);
  if (typeof value === 'boolean') return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value === 'number') return encodeNumber(value);
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([bytes.length < 32 ? Buffer.of(0xa0 | bytes.length) : uint32(0xdb, bytes.length), bytes]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([uint32(0xc6, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([uint32(0xdd, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([uint32(0xdf, entries.length), ...entries.flat().map(encode)]);
}

function encodeNumber(value) {
  if (Number.isInteger(value) && value >= 0 && value < 128) return Buffer.of(value);
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return uint32(0xce, value);
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function uint32(head, value) {
  const bytes = Buffer.alloc(5, head);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

/** The value that these bytes are, all of them. */
export function decode(bytes) {
  const reader = { bytes, position: 0 };
  const value = read(reader);
  if (reader.position !== bytes.length) throw new Error('bytes are left over after a value');
  return value;
}

function read(reader) {
  const head = take(reader, 1)[0];
  if (head < 0x80) return head;
  if (head < 0x90) return readMap(reader, head & 0x0f);
  if (head < 0xa0) return readArray(reader, head & 0x0f);
  if (head < 0xc0) return take(reader, head & 0x1f).toString();
  if (head >= 0xe0) return head - 256;
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return Buffer.from(take(reader, unsigned(reader, 1 << (head - 0xc4))));
    case 0xca:
      return take(reader, 4).readFloatBE();
    case 0xcb:
      return take(reader, 8).readDoubleBE();
    case 0xcc:
    case 0xcd:
    case 0xce:
      return unsigned(reader, 1 << (head - 0xcc));
    case 0xcf:
      return exact(take(reader, 8).readBigUInt64BE());
    case 0xd0:
      return take(reader, 1).readInt8();
    case 0xd1:
      return take(reader, 2).readInt16BE();
    case 0xd2:
      return take(reader, 4).readInt32BE();
    case 0xd3:
      return exact(take(reader, 8).readBigInt64BE());
    case 0xd9:
    case 0xda:
    case 0xdb:
      return take(reader, unsigned(reader, 1 << (head - 0xd9))).toString();
    case 0xdc:
    case 0xdd:
      return readArray(reader, unsigned(reader, 2 << (head - 0xdc)));
    case 0xde:
    case 0xdf:
      return readMap(reader, unsigned(reader, 2 << (head - 0xde)));
    default:
      throw new Error(`a value that begins with 0x${head.toString(16)} is not known here`);
  }
}

function readArray(reader, length) {
  const items = [];
  for (let i = 0; i < length; i++) items.push(read(reader));
  return items;
}

function readMap(reader, length) {
  const entries = [];
  for (let i = 0; i < length; i++) entries.push([read(reader), read(reader)]);
  return Object.fromEntries(entries);
}

function unsigned(reader, length) {
  return take(reader, length).readUIntBE(0, length);
}

function exact(value) {
  return BigInt(Number(value)) === value ? Number(value) : value;
}

function take(reader, length) {
  const end = reader.position + length;
  if (end > reader.bytes.length) throw new Error('it ends inside a value');
  const taken = reader.bytes.subarray(reader.position, end);
  reader.position = end;
  return taken;
}
