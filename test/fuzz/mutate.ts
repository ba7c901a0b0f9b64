import { type Chance, EDGES } from './chance.js';
import type { FuzzTarget } from './fuzz-target.js';

/** Larger inputs are cut: they cost time and find nothing that smaller ones do not. */
export const INPUT_BYTES_MAX = 64 * 1024;

type Mutation = (bytes: Buffer, chance: Chance, other: Buffer, target: FuzzTarget) => Buffer;

/** Changes an input a few times; `other` gives what is spliced in. */
export function mutate(bytes: Buffer, chance: Chance, other: Buffer, target: FuzzTarget): Buffer {
  let mutated = bytes;
  const times = 1 + chance.size(6);
  for (let i = 0; i < times; i++) {
    const mutation = chance.pick(MUTATIONS);
    mutated = mutation(mutated, chance, other, target);
    if (mutated.length > INPUT_BYTES_MAX) mutated = mutated.subarray(0, INPUT_BYTES_MAX);
  }
  return mutated;
}

const MUTATIONS: readonly Mutation[] = [
  // Single bits and bytes.
  (bytes, chance) =>
    edit(bytes, (copy) => {
      const at = chance.below(copy.length);
      copy[at] = copy[at]! ^ (1 << chance.below(8));
    }),
  (bytes, chance) =>
    edit(bytes, (copy) => {
      copy[chance.below(copy.length)] = chance.below(256);
    }),
  (bytes, chance) =>
    edit(bytes, (copy) => {
      const at = chance.below(copy.length);
      copy[at] = (copy[at]! + chance.between(-3, 3)) & 0xff;
    }),
  // Integers at the edges, wherever a length may stand.
  (bytes, chance) => edit(bytes, (copy) => putInteger(copy, chance.below(copy.length), chance.pick(EDGES), chance)),
  (bytes, chance, _other, target) =>
    edit(bytes, (copy) => {
      const at = place(copy, chance, target);
      putInteger(copy, Math.min(copy.length - 1, at + chance.below(12)), chance.pick(EDGES), chance);
    }),
  // Parts taken out, doubled, moved.
  (bytes, chance) => bytes.subarray(0, chance.below(bytes.length + 1)),
  (bytes, chance) => {
    const [start, end] = range(bytes, chance);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  (bytes, chance) => {
    const [start, end] = range(bytes, chance);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  (bytes, chance) => {
    const at = chance.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), chance.bytes(1 + chance.size(16)), bytes.subarray(at)]);
  },
  (bytes, chance, other) => {
    const [start, end] = range(other, chance);
    const at = chance.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(start, end), bytes.subarray(at)]);
  },
  (bytes, chance, other) =>
    Buffer.concat([bytes.subarray(0, chance.below(bytes.length + 1)), other.subarray(chance.below(other.length + 1))]),
  wholes,
  wholes,
  wholes,
];

/** Drops, doubles, repeats, swaps or inserts whole frames or messages. */
function wholes(bytes: Buffer, chance: Chance, other: Buffer, target: FuzzTarget): Buffer {
  const parts = cut(bytes, target);
  if (parts.length === 0) return bytes;
  const at = chance.below(parts.length);
  const kind = chance.below(6);
  if (kind === 0) parts.splice(at, 1);
  else if (kind === 1) parts.splice(at, 0, parts[at]!);
  else if (kind === 2) {
    const count = Math.min(chance.size(300), Math.floor(INPUT_BYTES_MAX / (parts[at]!.length + 1)));
    parts.splice(at, 0, ...Array<Buffer>(count).fill(parts[at]!));
  } else if (kind === 3) {
    const to = chance.below(parts.length);
    [parts[at], parts[to]] = [parts[to]!, parts[at]!];
  } else if (kind === 4) {
    const others = cut(other, target);
    if (others.length > 0) parts.splice(at, 0, chance.pick(others));
  } else parts[at] = parts[at]!.subarray(0, chance.below(parts[at]!.length + 1));
  return Buffer.concat(parts);
}

function cut(bytes: Buffer, target: FuzzTarget): Buffer[] {
  const places = target.boundaries(bytes);
  return places.map((start, index) => bytes.subarray(start, places[index + 1] ?? bytes.length));
}

function place(bytes: Buffer, chance: Chance, target: FuzzTarget): number {
  const places = target.boundaries(bytes);
  return places.length === 0 ? 0 : chance.pick(places);
}

function edit(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

function range(bytes: Buffer, chance: Chance): [start: number, end: number] {
  const start = chance.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + chance.size(Math.max(1, bytes.length - start)))];
}

function putInteger(bytes: Buffer, at: number, value: number, chance: Chance): void {
  const size = chance.pick([1, 2, 4]);
  for (let i = 0; i < size && at + i < bytes.length; i++) bytes[at + i] = (value >>> (8 * (size - 1 - i))) & 0xff;
}
