import { type PutField, putFieldOf } from './put-field.js';

/** Maps of more keys are read key by key. */
export const SHAPE_KEYS_MAX = 32;

/** A power of two. With their counters, slots take less than 1 KiB. */
const SLOTS = 64;
/** Keys in all shapes of one peer; about 120 bytes each. Beyond it nothing is learned until something is forgotten. */
const FIELDS_MAX = 256;
/** So many maps that are looked for in the same slot come first: what comes once is not worth the learning. */
const LEARN_AFTER = 16;
/** So many other maps take a slot from the shape that is there. */
const FORGET_AFTER = 250;

/** One key of a shape. */
export interface ShapeField {
  readonly key: string;
  /** The key on the wire, with its header of one byte. */
  readonly byteLength: number;
  /** Where its bytes begin in `words` of the shape. */
  readonly firstWord: number;
  readonly put: PutField;
}

/** The keys of maps that came often, in their order. */
export interface Shape {
  readonly fields: readonly ShapeField[];
  /**
   * The keys as they are on the wire, four bytes a word. The last word of a key ends where the key does, and so overlaps the one
   * before; of a key shorter than a word the other bytes are 0.
   */
  readonly words: Int32Array;
}

/**
 * Remembers which keys maps of one peer have, in which order: most messages are like those before. A shape is a guess, and the
 * reader compares each key with the bytes that came before it believes it, so what is remembered can cost time and change nothing.
 * No more than 256 keys of 31 bytes are kept, whatever a peer sends.
 */
export class LearnedShapes {
  readonly #learnAfter: number;
  #slots: (Shape | undefined)[] = [];
  /** Maps that came to a slot, until there is a shape; those that were not like it from then on. */
  #counts: Uint8Array = NO_COUNTS;
  #fields = 0;

  /** @param learnAfter - how many maps of a slot are read first, from 1 to 255 (default 16) */
  constructor(learnAfter: number = LEARN_AFTER) {
    this.#learnAfter = learnAfter;
  }

  /** What the map of `size` keys whose first key begins at `at` may look like. */
  at(slot: number): Shape | undefined {
    return this.#slots[slot];
  }

  /** Takes note of a map that was not as {@link at} said. It was read from the bytes that the slot is of. */
  note(slot: number, map: Readonly<Record<string, unknown>>, size: number): void {
    if (this.#slots.length === 0) this.#open();
    const count = this.#counts[slot]! + 1;
    this.#counts[slot] = count;
    const known = this.#slots[slot];
    if (count < (known === undefined ? this.#learnAfter : FORGET_AFTER)) return;
    this.#counts[slot] = 0;
    if (known !== undefined) {
      this.#slots[slot] = undefined;
      this.#fields -= known.fields.length;
    } else if (this.#fields + size <= FIELDS_MAX) {
      const shape = shapeOf(map, size);
      if (shape === undefined) return;
      this.#slots[slot] = shape;
      this.#fields += size;
    }
  }

  /** Connections that never carry a map have no slots. */
  #open(): void {
    this.#slots = new Array<Shape | undefined>(SLOTS).fill(undefined);
    this.#counts = new Uint8Array(SLOTS);
  }
}

/** The slot of a map, by the number of its keys and by length, first and last character of the first one, which begins at `at`. */
export function slotOf(bytes: Uint8Array, at: number, size: number): number {
  const head = bytes[at]!;
  return (size * 7 + head * 31 + bytes[at + 1]! * 5 + bytes[at + (head & 0x1f)]! * 3) & (SLOTS - 1);
}

/** @returns undefined for a map in which a key came twice */
function shapeOf(map: Readonly<Record<string, unknown>>, size: number): Shape | undefined {
  const keys = Object.keys(map);
  if (keys.length !== size) return undefined;
  const fields: ShapeField[] = [];
  const words: number[] = [];
  let hash = 0;
  for (const key of keys) {
    const text = Buffer.from(key);
    const bytes = Buffer.concat([Buffer.of(0xa0 | text.length), text]);
    for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
    fields.push({ key, byteLength: bytes.length, firstWord: words.length, put: putFieldOf(hash) });
    if (bytes.length < WORD) words.push(Buffer.concat([bytes, Buffer.alloc(WORD)]).readInt32BE());
    else {
      for (let at = 0; at + WORD <= bytes.length; at += WORD) words.push(bytes.readInt32BE(at));
      if (bytes.length % WORD !== 0) words.push(bytes.readInt32BE(bytes.length - WORD));
    }
  }
  return { fields, words: Int32Array.from(words) };
}

/** Bytes of a word. */
export const WORD = 4;
const NO_COUNTS = new Uint8Array(0);
