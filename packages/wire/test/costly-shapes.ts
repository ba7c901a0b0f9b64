/** Bytes of MessagePack that take as much memory or time as their kind of value can, for what they are. */
export interface CostlyShape {
  readonly name: string;
  /** One message of at most so many bytes, full of it. */
  message(bytes: number): Buffer;
}

/** Every kind of value at its most expensive. A new kind of value belongs in here. */
export const COSTLY_SHAPES: readonly CostlyShape[] = [
  many('small integers', () => of(7)),
  many('floats of 64 bits', (i) => join([of(0xcb), u64(0x4059_0000_0000_0000n + BigInt(i))])),
  many('floats of 32 bits', (i) => join([of(0xca), u32(0x4200_0000 + i)])),
  many('integers of 32 bits', (i) => join([of(0xce), u32(0x8000_0000 + i)])),
  many('integers that no number holds', (i) => join([of(0xcf), u64(0xf000_0000_0000_0000n + BigInt(i))])),
  many('empty texts', () => of(0xa0)),
  many('texts of one character', (i) => text(String.fromCharCode(33 + (i % 90)))),
  many('short texts', (i) => text(short(i))),
  many('texts of one wide character', () => text('\u0430')),
  many('texts that become wide for one character', () => text('\u20ac12345678901234567890')),
  many('texts with a replacement character', () => text('\ufffd')),
  many('texts that are not UTF-8', () => of(0xa1, 0xff)),
  once('one long text with one wide character', (bytes) => text(`\u20ac${'x'.repeat(Math.max(0, bytes - 8))}`)),
  many('empty arrays', () => of(0x90)),
  many('arrays of one', () => of(0x91, 1)),
  many('empty maps', () => of(0x80)),
  many('maps of one usual key', () => entry(text('id'))),
  many('maps of one key of their own', (i) => entry(text(short(i)))),
  many('maps of two keys of their own', (i) => join([of(0x82), pair(short(2 * i)), pair(short(2 * i + 1))])),
  many('maps of sixteen keys of their own', (i) =>
    join([of(0xde, 0, 16), ...Array.from({ length: 16 }, (_, j) => pair(short(16 * i + j)))]),
  ),
  many('maps of one long key', (i) => entry(text(`${'k'.repeat(200)}${i}`))),
  many('maps with the key 0', () => entry(text('0'))),
  many('maps with the key 5', () => entry(text('5'))),
  many('maps with the key 1023', () => entry(text('1023'))),
  many('maps with a key up to 1023', (i) => entry(text(String(i % 1024)))),
  many('maps with the largest index', () => entry(text('4294967294'))),
  many('maps of two far indices', () => join([of(0x82), pair('900'), pair('1900')])),
  many('maps of an index around a map of an index', () =>
    join([of(0x82), text('7'), entry(text('1000')), pair('1001')]),
  ),
  many('maps of one whole number', (i) => entry(of(i % 128))),
  many('maps of one binary', () => entry(of(0xc4, 1, 1))),
  many('maps of nil', () => entry(of(0xc0))),
  many('maps of a map of a number', () => entry(entry(of(1)))),
  many('maps of a text and a number', (i) => join([of(0x82), pair(short(i)), of(7, 1)])),
  once('one map of whole numbers', (bytes) =>
    container(0xdf, (i) => join([of(0xcd), of(i >> 8, i & 0xff), of(1)]), bytes - 5, 2048),
  ),
  once('one map of numbers that collide', (bytes) =>
    container(0xdf, (i) => join([of(0xce), u32(COLLIDING[i % COLLIDING.length]!), of(1)]), bytes - 5, 2048),
  ),
  wide('one map of short keys', (i) => text(short(i))),
  wide('one map of indices from 0', (i) => text(String(i))),
  wide('one map of indices with gaps', (i) => text(String(1000 * i))),
  wide('one map of indices from the largest down', (i) => text(String(4_294_967_294 - 700 * i))),
  wide('one map of whole numbers beyond the indices', (i) => text(String(4_294_967_295 + 65_536 * i))),
  wide('one map of the same key', () => text('1023')),
  many('empty binaries', () => of(0xc4, 0)),
  many('binaries of one byte', () => of(0xc4, 1, 1)),
  many('binaries of 64 bytes', () => join([of(0xc4, 64), fill(64, 0)])),
  many('undefined', () => of(0xd4, 0, 0)),
  many('dates of 4 bytes', (i) => join([of(0xd6, 0xff), u32(i)])),
  many('dates of 12 bytes', (i) => extension(-1, join([u32(0), u64(BigInt(i))]))),
  many('bigints of one byte', () => of(0xd4, 0x42, 1)),
  many('bigints of 1,024 bytes', () => extension(0x42, fill(1024, 0x77))),
  many('errors without a word', () => extension(0x65, of(0x92, 0xa0, 0xa0))),
  many('errors', (i) => extension(0x65, join([of(0x92), text(short(i)), text('no')]))),
  many('empty sets', () => of(0xd4, 0x73, 0x90)),
  many('sets of one', () => of(0xd5, 0x73, 0x91, 0xa0)),
  many('empty Maps', () => of(0xd4, 0x6d, 0x90)),
  many('Maps of one', () => extension(0x6d, of(0x92, 0xa0, 1))),
  many('Maps of one index', () => extension(0x6d, join([of(0x92), text('1023'), of(1)]))),
  many('sets in sets', () => of(0xc7, 4, 0x73, 0x91, 0xd4, 0x73, 0x90)),
  collection('one set of texts that look like integers', 0x73, (i) => text(String(1_000_000 + 65_536 * i))),
  collection('one set of short texts', 0x73, (i) => text(short(i))),
  collection('one set of numbers that collide', 0x73, (i) => join([of(0xce), u32(COLLIDING[i]!)]), 2048),
  collection('one set of bigints that collide', 0x73, collidingBigint, 1024),
  many('sets of 32 numbers that collide', () =>
    extension(0x73, join([of(0xdc, 0, 32), ...COLLIDING.slice(0, 32).map((k) => join([of(0xce), u32(k)]))])),
  ),
  many('empty typed arrays', () => of(0xd4, 0x74, 0)),
  many('typed arrays of one', () => extension(0x74, join([of(8), fill(8, 0)]))),
  many('empty ArrayBuffers', () => of(0xd4, 0x74, 16)),
  many('empty extensions of others', () => of(0xc7, 0, 5)),
  many('extensions of others', () => of(0xd4, 5, 1)),
  many('arrays as deep as allowed', () => fill(62, 0x91) + of(0x90)),
];

/** A piece of a message: a text of which every character is a byte. Many small buffers would take longer to make than to decode. */
type Bytes = string;

/** As many of one value as fit, in one array. */
function many(name: string, make: (index: number) => Bytes): CostlyShape {
  return once(name, (bytes) => container(0xdd, make, bytes - 5));
}

/** As many entries as fit, in one map. */
function wide(name: string, key: (index: number) => Bytes): CostlyShape {
  return once(name, (bytes) => container(0xdf, (i) => key(i) + of(1), bytes - 5));
}

/** As many members as fit in one extension around an array. */
function collection(
  name: string,
  type: number,
  member: (index: number) => Bytes,
  most = Number.POSITIVE_INFINITY,
): CostlyShape {
  return once(name, (bytes) => {
    const body = container(0xdd, member, bytes - 11, most);
    return join([of(0xc9), u32(body.length), of(type), body]);
  });
}

function once(name: string, message: (bytes: number) => Bytes): CostlyShape {
  return { name, message: (bytes) => Buffer.from(message(bytes), 'latin1') };
}

/** A header of 32 bits and as many parts as fit. */
function container(head: number, make: (index: number) => Bytes, room: number, most = ELEMENTS_MAX): Bytes {
  const parts: Bytes[] = [];
  for (let left = room; parts.length < most; ) {
    const part = make(parts.length);
    left -= part.length;
    if (left < 0) break;
    parts.push(part);
  }
  return of(head) + u32(parts.length) + parts.join('');
}

const ELEMENTS_MAX = 1_000_000;

function entry(key: Bytes): Bytes {
  return of(0x81) + key + of(1);
}

function pair(key: string): Bytes {
  return text(key) + of(1);
}

/** Texts of which no two are the same. */
function short(index: number): string {
  return `${String.fromCharCode(97 + (index % 26))}${Math.floor(index / 26).toString(36)}`;
}

function text(value: string): Bytes {
  const bytes = Buffer.from(value).toString('latin1');
  return (bytes.length < 32 ? of(0xa0 | bytes.length) : of(0xdb) + u32(bytes.length)) + bytes;
}

function extension(type: number, body: Bytes): Bytes {
  return of(0xc8, body.length >> 8, body.length & 0xff, type & 0xff) + body;
}

function of(...bytes: readonly number[]): Bytes {
  return String.fromCharCode(...bytes);
}

function fill(count: number, byte: number): Bytes {
  return of(byte).repeat(count);
}

function join(parts: readonly Bytes[]): Bytes {
  return parts.join('');
}

function u32(value: number): Bytes {
  return of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function u64(value: bigint): Bytes {
  return u32(Number(value >> 32n)) + u32(Number(value & 0xffff_ffffn));
}

/** V8 hashes a bigint by its lowest 64 bits. */
function collidingBigint(index: number): Bytes {
  return extension(0x42, u32(0x1000 + index) + fill(8, 7));
}

/** Integers that V8 (11.3) puts into the same bucket of every Map and Set of up to 131,072 members. */
const COLLIDING: readonly number[] = (() => {
  const found: number[] = [];
  for (let value = 0; found.length < 2048; value++) if ((hashOfInteger(value) & 0xffff) === 0) found.push(value);
  return found;
})();

function hashOfInteger(value: number): number {
  let hash = (~value + (value << 15)) >>> 0;
  hash = (hash ^ (hash >>> 12)) >>> 0;
  hash = (hash + (hash << 2)) >>> 0;
  hash = (hash ^ (hash >>> 4)) >>> 0;
  hash = Math.imul(hash, 2057) >>> 0;
  return (hash ^ (hash >>> 16)) & 0x3fff_ffff;
}
