import { DecodeError } from '@msgpack/msgpack';
import type { Limits } from '@org/rpc-core';
import { CodecError } from './codec.js';
import { ELEMENT_COSTS } from './element-costs.js';
import {
  bigintFrom,
  dateFrom,
  EXTENSION,
  errorFrom,
  mapFrom,
  NUMERIC_KEY_WORK,
  numericKeyWork,
  TOO_MANY_NUMERIC_KEYS,
  typedArray,
  UnknownExtension,
} from './extensions.js';
import { extraBytes } from './extra-bytes.js';
import { indexOfKey, keepSparse } from './index-keys.js';
import { isUtf8Text } from './is-utf8.js';
import type { KeyCache } from './key-cache.js';
import { Decoder } from './msgpack-internals.js';
import { NOT_PLAIN, PlainReader } from './plain-reader.js';
import { readShortText, SHORT_TEXT_BYTES } from './short-text.js';
import { copyOf, lookAt, VIEWED_PART, type ViewCache } from './view-cache.js';

/** What a {@link BoundedDecoder} needs; the same for the whole of its life. */
export interface DecoderSettings {
  readonly limits: Pick<Limits, 'messageElements' | 'messageDepth'>;
  /** Give {@link UnknownExtension} for extension types that are not ours, instead of refusing them. */
  readonly keepUnknown: boolean;
  /** Give the bytes of a str that is not UTF-8, instead of refusing it. */
  readonly keepMalformed: boolean;
  /** Give a `Map` for maps with other keys than texts instead of refusing them, and leave our own extensions to {@link keepUnknown}. */
  readonly isForeign: boolean;
  readonly views: ViewCache;
  readonly keys: KeyCache;
}

/** The budget of one message; the decoders of nested extensions share it. */
interface Purse {
  /** Places in arrays and maps: at most as many as the message has bytes, so that nested headers cannot multiply. */
  places: number;
  /** Places, plus the cost of values: see {@link ELEMENT_COSTS}. */
  elements: number;
  numericKeyWork: number;
}

/** A map with keys of any kind that is being read. */
interface KeyedMap {
  readonly map: Map<unknown, unknown>;
  key: unknown;
}

/** The one property of the object that stands in for such a map. */
const SINK = 'entry';

/** How the library's message about the byte c1 begins. */
const STOCK_MALFORMED = 'Unrecognized type byte';
const NOTHING = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/**
 * The library's decoder with bounds inside. Every length is checked against the end of the message, and arrays and maps pay for
 * their elements at the header from one budget of the whole message, so nested headers cannot multiply. Nothing is allocated
 * before both checks. Text is strict UTF-8, keys are strings, 64-bit integers are never rounded.
 *
 * Fixed-size numbers are checked afterwards: reading a few bytes of the next message does no harm, because the result is thrown
 * away when the position is not the end. Depth counts containers that are not empty.
 */
export class BoundedDecoder extends Decoder {
  readonly #settings: DecoderSettings;
  readonly #purse: Purse;
  readonly #isInner: boolean;
  #start = 0;
  #end = 0;
  /** From how many bytes on a binary is a view of the message. */
  #viewBytesMin = Number.POSITIVE_INFINITY;
  #depth: number;
  /** By depth, the open maps that keep their indices sparsely; empty but for messages with such keys. */
  readonly #sparse: (object | undefined)[] = [];
  /** By depth, the open maps with other keys than texts. */
  readonly #keyed: KeyedMap[] = [];
  /** Stands in for an open map: what the base class assigns to its one property goes into the `Map`. */
  readonly #sink: Record<string, unknown>;
  /** Reads what is plain and small; `undefined` in other dialects, and for the bodies of extensions. */
  readonly #plain: PlainReader | undefined;
  /** Decodes the bodies of extensions that hold MessagePack; made at the first one, at most one for each level. */
  #inner: BoundedDecoder | undefined;

  constructor(settings: DecoderSettings, purse?: Purse) {
    super({ mapKeyConverter: settings.isForeign ? (key) => this.#foreignKey(key) : mapKeyConverter });
    this.#settings = settings;
    this.#sink = settings.isForeign ? Object.defineProperty({}, SINK, { set: (value) => this.#putEntry(value) }) : {};
    this.#isInner = purse !== undefined;
    this.#purse = purse ?? { places: 0, elements: 0, numericKeyWork: 0 };
    this.#depth = settings.limits.messageDepth;
    const { messageElements: elementsMax, messageDepth: depthMax } = settings.limits;
    if (!settings.isForeign && !this.#isInner)
      this.#plain = new PlainReader({ keys: settings.keys, elementsMax, depthMax });
  }

  /** See `DecodeMessage`. */
  get extraBytes(): number {
    return extraBytes(this.#settings.limits.messageElements - this.#purse.elements);
  }

  /** @throws CodecError */
  decodeMessage(bytes: Buffer, start: number, end: number, mayKeep = false): unknown {
    const { views } = this.#settings;
    lookAt(views, bytes);
    this.#viewBytesMin = mayKeep ? VIEWED_PART * bytes.buffer.byteLength : Number.POSITIVE_INFINITY;
    const purse = this.#purse;
    purse.elements = this.#settings.limits.messageElements;
    if (this.#plain !== undefined) {
      const value = this.#plain.read(bytes, views.view, start, end);
      if (value !== NOT_PLAIN) {
        purse.elements -= this.#plain.elements;
        return value;
      }
    }
    this.bytes = bytes;
    this.view = views.view;
    this.#start = start;
    purse.places = end - start;
    purse.numericKeyWork = NUMERIC_KEY_WORK;
    return this.#run(start, end);
  }

  override pushArrayState(size: number): void {
    this.#pay(size, size);
    this.stack.pushArrayState(size);
  }

  override pushMapState(size: number): void {
    this.#pay(size, 2 * size);
    this.stack.pushMapState(size);
  }

  override decodeUtf8String(byteLength: number, headerBytes: number): string {
    const start = this.pos + headerBytes;
    const end = start + byteLength;
    if (end > this.#end) throw this.#tooLong('a string', byteLength, start);
    this.pos = end;
    const bytes = this.bytes;
    if (this.stateIsMapKey()) {
      const first = bytes[start]!;
      if (first <= DIGIT_9 && first >= DIGIT_0) this.#prepareIndex(indexOfKey(bytes, start, end));
      const key = this.#settings.keys.get(bytes, start, end);
      if (key !== undefined) return key;
    }
    if (byteLength <= SHORT_TEXT_BYTES) {
      const text = readShortText(bytes, start, end);
      if (text !== undefined) return text;
    }
    const text = bytes.utf8Slice(start, end);
    // Malformed text decodes to U+FFFD, so only text that holds one is checked again: it may have been sent as such.
    if (text.includes('\uFFFD') && !isUtf8Text(bytes, start, end)) {
      if (!this.#settings.keepMalformed) throw this.#error('a string that is not UTF-8', start);
      // The base class only returns it; as a key of a map it is refused like every key that is no text.
      this.#payObject(ELEMENT_COSTS.object);
      return this.#copy(start, end) as unknown as string;
    }
    return text;
  }

  override decodeBinary(byteLength: number, headerBytes: number): Uint8Array {
    const start = this.pos + headerBytes;
    const end = start + byteLength;
    if (end > this.#end) throw this.#tooLong('a binary', byteLength, start);
    this.#payObject(ELEMENT_COSTS.object);
    this.pos = end;
    const { bytes } = this;
    // What lies where no typed array could lie is copied to where one can.
    if (byteLength >= this.#viewBytesMin && (bytes.byteOffset + start) % 8 === 0) return bytes.subarray(start, end);
    return copyOf(this.#settings.views, bytes, start, end);
  }

  override decodeExtension(byteLength: number, headerBytes: number): unknown {
    const start = this.pos + headerBytes + 1;
    const end = start + byteLength;
    if (end > this.#end) throw this.#tooLong('an extension', byteLength, start);
    const type = this.view.getInt8(start - 1);
    const value = this.#extension(type, start, end);
    this.pos = end;
    return value;
  }

  override readU64(): number | bigint {
    const high = this.view.getUint32(this.pos);
    const value =
      high < 0x20_0000 ? high * 0x1_0000_0000 + this.view.getUint32(this.pos + 4) : this.view.getBigUint64(this.pos);
    this.pos += 8;
    return value;
  }

  override readI64(): number | bigint {
    const number = this.view.getInt32(this.pos) * 0x1_0000_0000 + this.view.getUint32(this.pos + 4);
    const value = Number.isSafeInteger(number) ? number : this.view.getBigInt64(this.pos);
    this.pos += 8;
    return value;
  }

  #run(start: number, end: number): unknown {
    this.pos = start;
    this.#end = end;
    try {
      const value = this.doDecodeSync();
      if (this.pos === end) return value;
      throw this.pos > end
        ? this.#malformed('it ends inside a value', end)
        : this.#malformed('bytes are left over after the value', this.pos);
    } catch (error) {
      this.headByte = -1;
      this.stack.reset();
      if (error instanceof CodecError) throw error;
      if (error instanceof RangeError) throw this.#malformed('it ends inside a value', end);
      const what = error instanceof Error ? error.message : String(error);
      throw what.startsWith(STOCK_MALFORMED) ? this.#malformed(what, this.pos) : this.#error(what, this.pos);
    } finally {
      if (this.#sparse.length > 0) this.#sparse.length = 0;
      if (this.#keyed.length > 0) this.#keyed.length = 0;
      this.bytes = NOTHING;
      this.view = NO_VIEW;
    }
  }

  #pay(size: number, elements: number): void {
    const purse = this.#purse;
    const isTooMuch = elements > this.#end - this.pos || elements > purse.places || elements > purse.elements;
    if (isTooMuch || this.stack.length >= this.#depth) throw this.#refusedContainer(size, elements);
    purse.places -= elements;
    purse.elements -= elements;
  }

  #payObject(elements: number): void {
    const purse = this.#purse;
    if (elements > purse.elements) throw this.#tooManyElements();
    purse.elements -= elements;
  }

  #refusedContainer(size: number, elements: number): CodecError {
    const left = this.#end - this.pos;
    if (elements > left)
      return this.#malformed(`an array or map of ${size} where only ${left} bytes are left`, this.pos);
    const { places, elements: allowed } = this.#purse;
    if (elements > places)
      return this.#malformed('arrays and maps of more elements than the message has bytes', this.pos);
    if (elements > allowed) return this.#tooManyElements();
    return this.#error(`arrays and maps nested deeper than ${this.#settings.limits.messageDepth}`, this.pos);
  }

  #tooManyElements(): CodecError {
    const { messageElements } = this.#settings.limits;
    return this.#error(`more than ${messageElements} elements (limits.messageElements)`, this.pos);
  }

  /** A map with keys that are indices and do not count up from zero keeps them sparsely. */
  #prepareIndex(index: number): void {
    if (index < 0) return;
    const state = this.stack.top()!;
    const depth = this.stack.length;
    if (index <= state.readCount || this.#sparse[depth] === state.map) return;
    keepSparse(state.map);
    this.#sparse[depth] = state.map;
  }

  #foreignKey(key: unknown): string {
    const state = this.stack.top()!;
    const depth = this.stack.length;
    if (state.map !== this.#sink) {
      if (typeof key === 'string') return key;
      this.#payObject(ELEMENT_COSTS.object);
      const map = new Map<unknown, unknown>(Object.entries(state.map));
      this.#keyed[depth] = { map, key };
      state.map = this.#sink;
      this.#sparse[depth] = this.#sink;
    }
    const keyed = this.#keyed[depth]!;
    keyed.key = key;
    this.#payKeyWork(numericKeyWork(key, keyed.map.size));
    return SINK;
  }

  #putEntry(value: unknown): void {
    const state = this.stack.top()!;
    const { map, key } = this.#keyed[this.stack.length]!;
    map.set(key, value);
    // After the last entry the base class takes what is here as its value.
    if (state.readCount + 1 === state.size) state.map = map as unknown as Record<string, unknown>;
  }

  #extension(type: number, start: number, end: number): unknown {
    if (this.#settings.isForeign && type !== EXTENSION.timestamp) {
      this.#payObject(ELEMENT_COSTS.object);
      return new UnknownExtension(type, this.#copy(start, end));
    }
    switch (type) {
      case EXTENSION.undefined:
        if (end - start === 1 && this.bytes[start] === 0) return undefined;
        break;
      case EXTENSION.timestamp:
        this.#payObject(ELEMENT_COSTS.small);
        return dateFrom(this.bytes.subarray(start, end));
      case EXTENSION.bigint:
        this.#payObject(ELEMENT_COSTS.small);
        return bigintFrom(this.bytes.subarray(start, end));
    }
    this.#payObject(ELEMENT_COSTS.object);
    switch (type) {
      case EXTENSION.typedArray:
        return typedArray(this.bytes, start, end);
      case EXTENSION.error:
        return errorFrom(this.#nested(start, end));
      case EXTENSION.map: {
        const parts = this.#nested(start, end);
        this.#payKeys(parts, 2);
        return mapFrom(parts);
      }
      case EXTENSION.set: {
        const members = this.#nested(start, end);
        this.#payKeys(members, 1);
        return new Set(members);
      }
    }
    if (!this.#settings.keepUnknown) throw new DecodeError(`an extension of type ${type}, which is not known here`);
    return new UnknownExtension(type, this.#copy(start, end));
  }

  /** Memory of its own: the value may live long. */
  #copy(start: number, end: number): Buffer {
    const copy = Buffer.allocUnsafeSlow(end - start);
    this.bytes.copy(copy, 0, start, end);
    return copy;
  }

  #nested(start: number, end: number): unknown[] {
    this.#inner ??= new BoundedDecoder(this.#settings, this.#purse);
    const inner = this.#inner;
    inner.bytes = this.bytes;
    inner.view = this.view;
    inner.#start = this.#start;
    inner.#depth = this.#depth - this.stack.length;
    const value = inner.#run(start, end);
    if (!Array.isArray(value)) throw new DecodeError('an extension whose body is not one array');
    return value;
  }

  #payKeys(parts: readonly unknown[], step: number): void {
    let work = 0;
    for (let i = 0; i < parts.length; i += step) work += numericKeyWork(parts[i], i / step);
    this.#payKeyWork(work);
  }

  #payKeyWork(work: number): void {
    this.#purse.numericKeyWork -= work;
    if (this.#purse.numericKeyWork < 0) throw new DecodeError(TOO_MANY_NUMERIC_KEYS);
  }

  #tooLong(what: string, byteLength: number, start: number): CodecError {
    const left = Math.max(0, this.#end - start);
    return this.#malformed(`${what} of ${byteLength} bytes where only ${left} are left`, start);
  }

  /**
   * For bytes that are no MessagePack. All other errors are for values that are not accepted here, such as bodies of extensions.
   */
  #malformed(what: string, at: number): CodecError {
    return new CodecError(`cannot decode the message at byte ${at - this.#start}: ${what}`, !this.#isInner);
  }

  #error(what: string, at: number): CodecError {
    return new CodecError(`cannot decode the message at byte ${at - this.#start}: ${what}`);
  }
}

function mapKeyConverter(key: unknown): string {
  if (typeof key === 'string') return key;
  throw new DecodeError('a key that is not a string');
}
