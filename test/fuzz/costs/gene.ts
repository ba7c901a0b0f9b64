import { COSTLY_SHAPES } from '../../../packages/wire/test/costly-shapes.js';

/** A part of a MessagePack value. Parts that are rendered many times differ from one time to the next where they say how. */
export type Gene =
  /** These bytes, whatever they are. */
  | { readonly kind: 'atom'; readonly bytes: Buffer }
  /** A text of its own each time. */
  | { readonly kind: 'text'; readonly style: number; readonly step: number }
  /** A number of its own each time, in so many bytes. */
  | { readonly kind: 'number'; readonly first: number; readonly step: number; readonly bytes: 1 | 2 | 4 | 8 }
  /** One of the shapes that are known to be costly, in at most so many bytes. */
  | { readonly kind: 'shape'; readonly index: number; readonly bytes: number }
  /** The children, so many times over, in something that holds values. */
  | { readonly kind: 'box'; readonly box: Box; readonly children: readonly Gene[]; readonly times: number };

/** What holds values. */
export type Box = (typeof BOXES)[number];

/** Everything that holds values; the last one is no extension that is known. */
export const BOXES = ['array', 'map', 'set', 'entries', 'error', 'bytes', 'text', 'foreign'] as const;

const EXTENSIONS: Readonly<Partial<Record<Box, number>>> = { set: 0x73, entries: 0x6d, error: 0x65, foreign: 5 };
const STYLES = 10;
const HEAD_BYTES = 11;
/** Boxes in boxes that repeat would multiply. */
const NESTED_BYTES_MAX = 16 * 1024;
/** Of large lists the rest is a repetition of so much: making it one by one would take seconds. */
const TILE_BYTES = 256 * 1024;
const WORK = 50_000;
/** What is rendered has bytes, or it would fill nothing. */
const NIL = Buffer.of(0xc0);

/** One value of at most about so many bytes: the outermost box is filled. */
export function renderGene(gene: Gene, room: number): Buffer {
  const writer = new Writer(room + 1024);
  if (gene.kind === 'box') writer.box(gene, room);
  else writer.gene(gene.kind === 'shape' ? { ...gene, bytes: Math.min(gene.bytes, room) } : gene);
  return Buffer.from(writer.bytes.subarray(0, writer.at));
}

class Writer {
  bytes: Buffer;
  at = 0;
  /** Counts the parts that have been rendered, so that no two need be the same. */
  #count = 0;
  #work = 0;

  /** What does not fit is rendered in vain, at each level of boxes in boxes: that has an end too. */
  readonly #workMax: number;

  constructor(room: number) {
    this.#workMax = 4 * room + WORK;
    this.bytes = Buffer.alloc(room);
  }

  gene(gene: Gene): void {
    const index = this.#count++;
    this.#work += gene.kind === 'shape' ? gene.bytes : 1;
    if (gene.kind === 'box') this.box(gene, undefined);
    else if (gene.kind === 'atom') this.#append(gene.bytes.length > 0 ? gene.bytes : NIL);
    else if (gene.kind === 'text') this.#text(TEXTS[gene.style % STYLES]!(index * gene.step));
    else if (gene.kind === 'number') this.#append(numberOf(gene.first + index * gene.step, gene.bytes));
    else this.#append(COSTLY_SHAPES[gene.index % COSTLY_SHAPES.length]!.message(gene.bytes));
  }

  /** @param room - to be filled with the children over and over; `undefined`: as often as the gene says */
  box(gene: Extract<Gene, { kind: 'box' }>, room: number | undefined): void {
    const start = this.at;
    this.#reserve(HEAD_BYTES);
    this.at += HEAD_BYTES;
    const { children } = gene;
    const [times, bytesMax] = room === undefined ? [gene.times * children.length, NESTED_BYTES_MAX] : [Infinity, room];
    const isTiled = room !== undefined && gene.box === 'array';
    let count = 0;
    while (children.length > 0 && count < times && this.#work < this.#workMax) {
      const before = this.at;
      this.gene(children[count % children.length]!);
      if (this.at - start > bytesMax && count > 0) {
        this.at = before;
        break;
      }
      count++;
      if (isTiled && this.at - start > TILE_BYTES && count % children.length === 0)
        count *= this.#tile(start + HEAD_BYTES, bytesMax - HEAD_BYTES);
    }
    const body = this.at - start - HEAD_BYTES;
    const head = headOf(gene.box, count, body);
    head.copy(this.bytes, start);
    this.bytes.copyWithin(start + head.length, start + HEAD_BYTES, this.at);
    this.at = start + head.length + body;
  }

  /** Repeats what is there from `start`, as often as there is room. @returns how often it is there then */
  #tile(start: number, room: number): number {
    const bytes = this.at - start;
    const times = Math.max(1, Math.floor(room / bytes));
    this.#reserve(times * bytes);
    for (let i = 1; i < times; i++) this.bytes.copyWithin(start + i * bytes, start, start + bytes);
    this.at = start + times * bytes;
    return times;
  }

  #text(text: string): void {
    this.#reserve(text.length * 3 + 5);
    const bytes = this.bytes.utf8Write(text, this.at + 1);
    if (bytes < 32) this.bytes[this.at] = 0xa0 | bytes;
    else {
      this.bytes.copyWithin(this.at + 2, this.at + 1, this.at + 1 + bytes);
      this.bytes[this.at] = 0xd9;
      this.bytes[++this.at] = bytes;
    }
    this.at += 1 + bytes;
  }

  #append(part: Buffer): void {
    this.#reserve(part.length);
    part.copy(this.bytes, this.at);
    this.at += part.length;
  }

  #reserve(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return;
    const larger = Buffer.alloc(2 * (this.at + bytes));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}

/** The shortest head, so that most of the bytes are what costs. Of a map with an odd child the last is left over: that is an input too. */
function headOf(box: Box, count: number, body: number): Buffer {
  if (box === 'array') return containerHead(0x90, 0xdc, count);
  if (box === 'map') return containerHead(0x80, 0xde, count >> 1);
  if (box === 'bytes') return lengthHead([0xc4, 0xc5, 0xc6], body);
  if (box === 'text') return body < 32 ? Buffer.of(0xa0 | body) : lengthHead([0xd9, 0xda, 0xdb], body);
  const inner = box === 'foreign' ? Buffer.alloc(0) : containerHead(0x90, 0xdc, count);
  const length = lengthHead([0xc7, 0xc8, 0xc9], inner.length + body);
  const fixed = [1, 2, 4, 8, 16].indexOf(inner.length + body);
  return Buffer.concat([fixed < 0 ? length : Buffer.of(0xd4 + fixed), Buffer.of(EXTENSIONS[box]!), inner]);
}

function containerHead(short: number, long: number, count: number): Buffer {
  if (count < 16) return Buffer.of(short | count);
  return count < 0x1_0000
    ? Buffer.of(long, count >> 8, count & 0xff)
    : Buffer.concat([Buffer.of(long + 1), u32(count)]);
}

function lengthHead([short, middle, long]: readonly [number, number, number], length: number): Buffer {
  if (length < 0x100) return Buffer.of(short, length);
  return length < 0x1_0000
    ? Buffer.of(middle, length >> 8, length & 0xff)
    : Buffer.concat([Buffer.of(long), u32(length)]);
}

/** Texts as keys and values: indices of all sizes, integers beyond them, short, long and wide ones. */
const TEXTS: readonly ((index: number) => string)[] = [
  (index) => index.toString(36),
  (index) => String(index),
  (index) => String(index % 1024),
  (index) => String(1000 * index),
  (index) => String(4_294_967_294 - index),
  (index) => String(4_294_967_296 + 65_536 * index),
  (index) => `-${index}`,
  (index) => `\u20ac${index}`,
  (index) => `${'k'.repeat(40)}${index}`,
  (index) => `${index % 10}.${index}`,
];

function numberOf(value: number, bytes: 1 | 2 | 4 | 8): Buffer {
  if (bytes === 1) return Buffer.of(0xcc, value & 0xff);
  if (bytes === 2) return Buffer.of(0xcd, (value >>> 8) & 0xff, value & 0xff);
  if (bytes === 4) return Buffer.concat([Buffer.of(0xce), u32(value)]);
  return Buffer.concat([Buffer.of(0xcf), u32(value), u32(Math.imul(value, 0x9e37_79b9))]);
}

function u32(value: number): Buffer {
  return Buffer.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}
