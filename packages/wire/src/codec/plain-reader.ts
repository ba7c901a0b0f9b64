import type { KeyCache } from './key-cache.js';
import { LearnedShapes, SHAPE_KEYS_MAX, type Shape, type ShapeField, slotOf, WORD } from './learned-shapes.js';
import { readShortText, SHORT_TEXT_BYTES } from './short-text.js';

/** What {@link PlainReader.read} gives for a message that it leaves to the decoder. */
export const NOT_PLAIN: unique symbol = Symbol('not plain');

/** Longer messages are left to the decoder: what is read twice, when the last value of one is not plain, stays small. */
const MESSAGE_BYTES_MAX = 16_384;

/** Maps and arrays within each other; a bound of the recursion. */
const DEPTH_MAX = 16;

/** So many messages are left to the decoder at once after one that was not plain: the next ones may well be like it. */
const PAUSE = 8;

/** The one key that is refused. */
const PROTO = '__proto__';
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** What a {@link PlainReader} is made of. */
export interface PlainReaderSettings {
  readonly keys: KeyCache;
  /** One for each peer, as {@link keys} (default one of its own). */
  readonly shapes?: LearnedShapes;
  /** Most elements of arrays and maps in a message, as `limits.messageElements`. */
  readonly elementsMax: number;
  /** Most arrays and maps within each other, as `limits.messageDepth`. */
  readonly depthMax: number;
}

/**
 * Reads the messages of small calls several times as fast as the decoder does: maps with short names as keys, arrays, texts, numbers
 * of up to 32 bits and floats, booleans and null. It refuses nothing: whatever else a message holds, whatever is malformed or beyond
 * a bound, is left to the decoder from the first byte on, which is what says how it is read or why it is not. So there is one
 * place for errors, and both give the same value for the same bytes.
 */
export class PlainReader {
  readonly #keys: KeyCache;
  readonly #shapes: LearnedShapes;
  readonly #elementsMax: number;
  readonly #depthMax: number;
  #bytes: Buffer = NOTHING;
  #view: DataView = NO_VIEW;
  #pos = 0;
  #end = 0;
  #elements = 0;
  #pause = 0;

  constructor({ keys, shapes = new LearnedShapes(), elementsMax, depthMax }: PlainReaderSettings) {
    this.#keys = keys;
    this.#shapes = shapes;
    this.#elementsMax = elementsMax;
    this.#depthMax = Math.min(depthMax, DEPTH_MAX);
  }

  /** Elements of arrays and maps in the message that was read last. */
  get elements(): number {
    return this.#elements;
  }

  /**
   * The value in `bytes[start, end)`; {@link NOT_PLAIN} when that is for the decoder.
   * @param view - of the same bytes
   */
  read(bytes: Buffer, view: DataView, start: number, end: number): unknown {
    if (end - start > MESSAGE_BYTES_MAX) return NOT_PLAIN;
    if (this.#pause > 0) {
      this.#pause--;
      return NOT_PLAIN;
    }
    this.#bytes = bytes;
    this.#view = view;
    this.#pos = start;
    this.#end = end;
    this.#elements = 0;
    const value = this.#value(0);
    // Nothing of it is kept from the collector until the next message comes.
    this.#bytes = NOTHING;
    this.#view = NO_VIEW;
    if (value !== NOT_PLAIN && this.#pos === end) return value;
    this.#pause = PAUSE;
    return NOT_PLAIN;
  }

  #value(depth: number): unknown {
    if (this.#pos >= this.#end) return NOT_PLAIN;
    const head = this.#bytes[this.#pos++]!;
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#text(head & 0x1f);
    return head < 0xe0 ? this.#long(head, depth) : head - 0x100;
  }

  /** A value whose first byte only says what it is. Numbers that are cut off end behind the message, and so are not plain. */
  #long(head: number, depth: number): unknown {
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.#has(4) ? this.#view.getFloat32(this.#pos - 4) : NOT_PLAIN;
      case 0xcb:
        return this.#has(8) ? this.#view.getFloat64(this.#pos - 8) : NOT_PLAIN;
      case 0xcc:
        return this.#uint8();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return (this.#uint16() * 0x1_0000 + this.#uint16()) >>> 0;
      case 0xd0:
        return (this.#uint8() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return (this.#uint16() << 16) | this.#uint16();
      case 0xd9:
        return this.#text(this.#uint8());
      case 0xda:
        return this.#text(this.#uint16());
      case 0xdc:
        return this.#array(this.#uint16(), depth);
      case 0xde:
        return this.#map(this.#uint16(), depth);
      default:
        return NOT_PLAIN;
    }
  }

  /** Goes on by so many bytes, if the message has them. */
  #has(byteLength: number): boolean {
    this.#pos += byteLength;
    return this.#pos <= this.#end;
  }

  #uint8(): number {
    return this.#has(1) ? this.#bytes[this.#pos - 1]! : 0;
  }

  #uint16(): number {
    return this.#has(2) ? (this.#bytes[this.#pos - 2]! << 8) | this.#bytes[this.#pos - 1]! : 0;
  }

  #text(byteLength: number): string | typeof NOT_PLAIN {
    const start = this.#pos;
    if (!this.#has(byteLength)) return NOT_PLAIN;
    const end = this.#pos;
    if (byteLength <= SHORT_TEXT_BYTES) {
      const text = readShortText(this.#bytes, start, end);
      if (text !== undefined) return text;
    }
    const text = this.#bytes.utf8Slice(start, end);
    // Whatever is malformed becomes U+FFFD. It may also have been sent: the decoder looks.
    return text.includes('\uFFFD') ? NOT_PLAIN : text;
  }

  #array(size: number, depth: number): unknown {
    if (size === 0) return [];
    if (!this.#pays(size, depth)) return NOT_PLAIN;
    const array = new Array<unknown>(size);
    for (let i = 0; i < size; i++) {
      const value = this.#value(depth + 1);
      if (value === NOT_PLAIN) return NOT_PLAIN;
      array[i] = value;
    }
    return array;
  }

  #map(size: number, depth: number): unknown {
    const map: Record<string, unknown> = {};
    if (size === 0) return map;
    if (!this.#pays(2 * size, depth)) return NOT_PLAIN;
    if (size > SHAPE_KEYS_MAX) return this.#entries(map, 0, size, depth + 1) ? map : NOT_PLAIN;
    const slot = slotOf(this.#bytes, this.#pos, size);
    const shape = this.#shapes.at(slot);
    let read = 0;
    if (shape !== undefined && shape.fields.length === size) {
      read = this.#fields(map, shape, depth + 1);
      if (read === size) return map;
    }
    if (read < 0 || !this.#entries(map, read, size, depth + 1)) return NOT_PLAIN;
    this.#shapes.note(slot, map, size);
    return map;
  }

  /**
   * Reads entries as long as their keys are those of the shape.
   * @returns how many those were; -1 when a value of one is for the decoder
   */
  #fields(map: Record<string, unknown>, shape: Shape, depth: number): number {
    const { fields, words } = shape;
    const { length } = fields;
    for (let i = 0; i < length; i++) {
      const field = fields[i]!;
      if (!this.#isNext(field, words)) return i;
      const value = this.#value(depth);
      if (value === NOT_PLAIN) return -1;
      field.put(map, field.key, value);
    }
    return length;
  }

  /** Goes on behind the key, if it is what comes next. Four bytes are compared at once. */
  #isNext(field: ShapeField, words: Int32Array): boolean {
    const { byteLength } = field;
    const view = this.#view;
    const start = this.#pos;
    const end = start + byteLength;
    if (end > this.#end) return false;
    let word = field.firstWord;
    if (byteLength < WORD) {
      if (start + WORD > view.byteLength) return false;
      if ((view.getInt32(start) ^ words[word]!) >>> (8 * (WORD - byteLength)) !== 0) return false;
    } else {
      let at = start;
      for (; at + WORD <= end; at += WORD) if (view.getInt32(at) !== words[word++]) return false;
      if (at < end && view.getInt32(end - WORD) !== words[word]) return false;
    }
    this.#pos = end;
    return true;
  }

  /** Reads what is left of a map of which `read` entries have been read. @returns whether all of it was plain */
  #entries(map: Record<string, unknown>, read: number, size: number, depth: number): boolean {
    for (let i = read; i < size; i++) {
      const key = this.#key();
      if (key === NOT_PLAIN) return false;
      const value = this.#value(depth);
      if (value === NOT_PLAIN) return false;
      map[key] = value;
    }
    return true;
  }

  /** As many elements, each of which takes a byte at least: nothing is allocated for what has not come. */
  #pays(elements: number, depth: number): boolean {
    this.#elements += elements;
    return elements <= this.#end - this.#pos && this.#elements <= this.#elementsMax && depth < this.#depthMax;
  }

  /** A text of up to 31 bytes. Those that begin with a digit may be indices, which the decoder keeps in its own way. */
  #key(): string | typeof NOT_PLAIN {
    const bytes = this.#bytes;
    const head = bytes[this.#pos]!;
    const start = this.#pos + 1;
    const end = start + (head & 0x1f);
    if (head >> 5 !== 5 || end > this.#end) return NOT_PLAIN;
    const first = bytes[start]!;
    if (end > start && first >= DIGIT_0 && first <= DIGIT_9) return NOT_PLAIN;
    this.#pos = start;
    const known = this.#keys.get(bytes, start, end);
    if (known === undefined) return this.#text(end - start);
    this.#pos = end;
    return known.length === PROTO.length && known === PROTO ? NOT_PLAIN : known;
  }
}

const NOTHING = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
