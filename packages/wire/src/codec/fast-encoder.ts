import { types } from 'node:util';
import { type Attachments, mayBeAttached } from './attachments.js';
import { allocateChunk, CodecError, type EncodeTarget } from './codec.js';
import { elementCost } from './element-costs.js';
import { encodeCommon, encodeCommonBigint } from './encode-common.js';
import { encodeBigint, encodeDate, encodeNested, encodeTypedArray, encodeUndefined } from './encode-extension.js';
import { encodeLongString, putTextHeader } from './encode-string.js';
import {
  EXTENSION,
  errorParts,
  NUMERIC_KEY_WORK,
  numericKeyWork,
  TOO_MANY_NUMERIC_KEYS,
  type UnknownExtension,
} from './extensions.js';
import type { Float } from './float.js';
import { Encoder } from './msgpack-internals.js';
import { type Dialect, ENCODED_DEPTH, UNSUPPORTED } from './unsupported.js';
import { valueKind } from './value-kind.js';

/** The encoder's memory between two values, so that it keeps no lent memory alive. */
const EMPTY = allocateChunk(0);

/**
 * The library's encoder, working in memory that is lent to it for one value, and strict: it refuses values that would not arrive
 * as they are. Short ASCII strings are written by a loop, longer ones by Node's native code, several times faster than the
 * library's own way.
 */
export class FastEncoder extends Encoder {
  /** The bound that a value broke, if that was why {@link append} threw: then no path is looked for. */
  broken: CodecError | undefined;
  /** Whether {@link append} threw because there were too many elements. */
  hasTooMany = false;
  /** Whether it writes the old format: no str 8, and no type for bytes. */
  readonly isRaw: boolean;
  readonly #isCommon: boolean;
  readonly #maximumBytes: number;
  readonly #maximumElements: number;
  #chunk = EMPTY;
  #start = 0;
  #numericKeyWork = 0;
  #elements = 0;
  #attachments: Attachments | undefined;
  #attachedBytesMin = Number.POSITIVE_INFINITY;

  constructor(maximumBytes: number, maximumElements: number, dialect: Dialect = 'ours') {
    super({ initialBufferSize: 1 });
    this.isRaw = dialect === 'raw';
    this.#isCommon = dialect !== 'ours';
    this.#maximumBytes = maximumBytes;
    this.#maximumElements = maximumElements;
  }

  /** Appends a value to the target, or throws and leaves the target as it was. */
  append(value: unknown, target: EncodeTarget): void {
    this.broken = undefined;
    this.hasTooMany = false;
    this.#chunk = target.chunk;
    this.bytes = target.chunk.bytes;
    this.view = target.chunk.view;
    this.pos = this.#start = target.position;
    this.#numericKeyWork = 0;
    this.#elements = 0;
    const { attachments } = target;
    this.#attachments = attachments;
    this.#attachedBytesMin = attachments === undefined ? Number.POSITIVE_INFINITY : attachments.fromBytes;
    try {
      this.doEncode(value, 1);
      const attachedBytes = attachments === undefined ? 0 : attachments.bytes;
      if (this.pos - this.#start + attachedBytes > this.#maximumBytes) throw this.#tooLarge();
      if (this.#chunk !== target.chunk) target.chunk = this.#chunk;
      target.position = this.pos;
    } catch (error) {
      attachments?.drop();
      throw error;
    } finally {
      this.#attachments = undefined;
      this.#chunk = EMPTY;
      this.bytes = EMPTY.bytes;
      this.view = EMPTY.view;
    }
  }

  override doEncode(value: unknown, depth: number): void {
    if (typeof value === 'string') this.encodeString(value);
    else if (typeof value === 'number') this.encodeNumber(value);
    else if (typeof value === 'object') {
      if (value === null) this.writeU8(0xc0);
      else this.encodeObject(value, depth);
    } else if (typeof value === 'boolean') this.writeU8(value ? 0xc3 : 0xc2);
    else if (typeof value === 'undefined') this.#isCommon ? this.writeU8(0xc0) : encodeUndefined(this);
    else if (typeof value === 'bigint') this.#bigint(value);
    else throw UNSUPPORTED;
  }

  override ensureBufferSizeToWrite(bytes: number): void {
    const needed = this.pos + bytes;
    if (needed > this.bytes.length) this.#grow(needed);
  }

  override encodeNumber(value: number): void {
    if ((value & 0x7f) === value && (value !== 0 || !Object.is(value, -0))) this.writeU8(value);
    else if (value === 0) this.encodeNumberAsFloat(value);
    else super.encodeNumber(value);
  }

  override encodeString(text: string): void {
    const { length } = text;
    if (length < 32) {
      this.ensureBufferSizeToWrite(1 + 3 * length + 1);
      const { bytes, pos } = this;
      let end = pos + 1;
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[end++] = unit;
      }
      if (i === length) {
        bytes[pos] = 0xa0 | length;
        this.pos = end;
        return;
      }
    }
    encodeLongString(this, text);
  }

  override encodeObject(value: object, depth: number): void {
    if (Array.isArray(value)) {
      this.encodeArray(value, depth);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) this.encodeMap(value as Record<string, unknown>, depth);
    else this.#special(value, depth);
  }

  override encodeArray(values: readonly unknown[], depth: number): void {
    const { length } = values;
    if (length > 0) {
      this.#enter(length, depth);
      this.#count(length);
    }
    if (length < 16) this.writeU8(0x90 | length);
    else if (length < 0x1_0000) {
      this.writeU8(0xdc);
      this.writeU16(length);
    } else {
      this.writeU8(0xdd);
      this.writeU32(length);
    }
    // By index and the length that the header says: a getter may change the array on the way.
    for (let i = 0; i < length; i++) this.doEncode(values[i], depth + 1);
  }

  override encodeMap(object: Readonly<Record<string, unknown>>, depth: number): void {
    const keys = Object.keys(object);
    const { length } = keys;
    // It looks like a plain object but is meant as a list.
    if ((length === 0 || keys[0] === '0') && types.isArgumentsObject(object)) throw UNSUPPORTED;
    if (length > 0) this.#enter(length, depth);
    const header = this.pos;
    this.#mapHeader(length);
    let written = 0;
    for (let i = 0; i < length; i++) {
      const key = keys[i]!;
      if (key === '__proto__') throw UNSUPPORTED;
      const value = object[key];
      if (value === undefined) continue;
      this.encodeString(key);
      this.doEncode(value, depth + 1);
      written++;
    }
    this.#count(2 * written);
    if (written !== length) this.#correctMapHeader(header, length, written);
  }

  /** A map whose keys are of any kind. */
  encodeEntries(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    const { size } = map;
    if (size > 0) this.#enter(size, depth);
    this.#count(2 * size);
    const parts = this.#entries(map);
    this.#mapHeader(size);
    for (const part of parts) this.doEncode(part, depth + 1);
  }

  override encodeBinary(value: Uint8Array): void {
    const { byteLength } = value;
    if (byteLength >= this.#attachedBytesMin && mayBeAttached(value)) {
      this.ensureBufferSizeToWrite(5);
      this.pos += this.isRaw
        ? putTextHeader(this.bytes, this.pos, byteLength, true)
        : putBinaryHeader(this.bytes, this.pos, byteLength);
      this.#attachments!.add(value, this.pos);
    } else if (this.isRaw) {
      this.ensureBufferSizeToWrite(5 + byteLength);
      this.pos += putTextHeader(this.bytes, this.pos, byteLength, true);
      this.writeU8a(value);
    } else super.encodeBinary(value);
  }

  #enter(length: number, depth: number): void {
    if (depth > ENCODED_DEPTH) throw UNSUPPORTED;
    // Every element takes a byte at least, so `new Array(1e9)` is refused here and not after a gigabyte.
    if (length > this.#maximumBytes) throw this.#tooLarge();
  }

  /**
   * Counts as the decoder does, so that a peer with the same limits accepts what is sent. A second walk finds the place that was
   * too much.
   */
  #count(elements: number): void {
    this.#elements += elements;
    if (this.#elements <= this.#maximumElements) return;
    this.hasTooMany = true;
    throw UNSUPPORTED;
  }

  #grow(needed: number): void {
    if (needed - this.#start > this.#maximumBytes) throw this.#tooLarge();
    const chunk = allocateChunk(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(chunk.bytes, 0, 0, this.pos);
    this.#chunk = chunk;
    this.bytes = chunk.bytes;
    this.view = chunk.view;
  }

  #tooLarge(): CodecError {
    return this.#bound(
      `value takes more than ${this.#maximumBytes} bytes; send it in parts, or raise maximumBytes of msgpack()`,
    );
  }

  #bound(message: string): CodecError {
    this.broken = new CodecError(message);
    return this.broken;
  }

  #mapHeader(length: number): void {
    if (length < 16) this.writeU8(0x80 | length);
    else if (length < 0x1_0000) {
      this.writeU8(0xde);
      this.writeU16(length);
    } else {
      this.writeU8(0xdf);
      this.writeU32(length);
    }
  }

  /** Keys with an undefined value were left out: corrects the header, and moves the entries when a shorter header fits. */
  #correctMapHeader(header: number, length: number, written: number): void {
    const end = this.pos;
    this.pos = header;
    this.#mapHeader(written);
    const body = header + mapHeaderBytes(length);
    this.bytes.copyWithin(this.pos, body, end);
    this.#attachments?.move(body, this.pos - body);
    this.pos += end - body;
  }

  #special(value: object, depth: number): void {
    const kind = valueKind(value);
    this.#count(elementCost(kind));
    if (this.#isCommon && encodeCommon(this, value, kind, depth)) return;
    switch (kind) {
      case 'plain':
        this.encodeMap(value as Record<string, unknown>, depth);
        return;
      case 'binary':
        this.encodeBinary(value as Uint8Array);
        return;
      case 'float':
        this.encodeNumberAsFloat((value as Float).value);
        return;
      case 'date':
        encodeDate(this, value as Date);
        return;
      case 'map':
        this.#nested(EXTENSION.map, this.#entries(value as Map<unknown, unknown>), depth);
        return;
      case 'set':
        this.#nested(EXTENSION.set, this.#members(value as Set<unknown>), depth);
        return;
      case 'error':
        this.#nested(EXTENSION.error, errorParts(value as Error), depth);
        return;
      case 'typed-array':
      case 'array-buffer':
        encodeTypedArray(this, value as ArrayBufferView | ArrayBuffer);
        return;
      case 'extension':
        this.encodeExtension(value as UnknownExtension);
        return;
      default:
        throw UNSUPPORTED;
    }
  }

  /** The length of an extension is that of what stands in the chunk: nothing within it is attached. */
  #nested(type: number, parts: readonly unknown[], depth: number): void {
    const attachedBytesMin = this.#attachedBytesMin;
    this.#attachedBytesMin = Number.POSITIVE_INFINITY;
    encodeNested(this, type, parts, depth);
    this.#attachedBytesMin = attachedBytesMin;
  }

  #bigint(value: bigint): void {
    if (this.#isCommon) encodeCommonBigint(this, value);
    else this.#count(encodeBigint(this, value));
  }

  #entries(map: ReadonlyMap<unknown, unknown>): unknown[] {
    const parts: unknown[] = [];
    for (const [key, value] of map) {
      this.#countKey(key, parts.length / 2);
      parts.push(key, value);
    }
    return parts;
  }

  #members(set: ReadonlySet<unknown>): unknown[] {
    const parts: unknown[] = [];
    for (const member of set) {
      this.#countKey(member, parts.length);
      parts.push(member);
    }
    return parts;
  }

  #countKey(key: unknown, position: number): void {
    this.#numericKeyWork += numericKeyWork(key, position);
    if (this.#numericKeyWork > NUMERIC_KEY_WORK)
      throw this.#bound(`value has ${TOO_MANY_NUMERIC_KEYS}; send them as an array`);
  }
}

/** Writes the header of a binary at `at`. Returns how long it is. */
function putBinaryHeader(bytes: Buffer, at: number, byteLength: number): number {
  if (byteLength < 0x1_0000) {
    bytes[at] = 0xc5;
    bytes.writeUInt16BE(byteLength, at + 1);
    return 3;
  }
  bytes[at] = 0xc6;
  bytes.writeUInt32BE(byteLength, at + 1);
  return 5;
}

function mapHeaderBytes(length: number): number {
  return length < 16 ? 1 : length < 0x1_0000 ? 3 : 5;
}
