import { COSTLY_SHAPES } from '../../../packages/wire/test/costly-shapes.js';
import { type Chance, EDGES } from '../chance.js';
import { randomMessagePack } from '../grammar/message-pack.js';
import { BOXES, type Gene } from './gene.js';

const GENES_MAX = 200;
const DEPTH_MAX = 12;
const TIMES_MAX = 3_000;
const SHAPE_BYTES_MAX = 16_384;

/** What a search begins with: every shape that is known to be costly, and plain lists of each part. */
export function seedGenes(): readonly Gene[] {
  const shapes = COSTLY_SHAPES.map((_, index): Gene => ({ kind: 'shape', index, bytes: 64 * 1024 }));
  const many = COSTLY_SHAPES.map((_, index): Gene => array({ kind: 'shape', index, bytes: 24 }));
  return [...shapes, ...many, array({ kind: 'text', style: 0, step: 1 })];
}

/** Changes one gene a few times; `other` gives what is put into it. */
export function mutateGene(gene: Gene, other: Gene, chance: Chance): Gene {
  let mutated = gene;
  for (let i = chance.size(4); i >= 0; i--) mutated = mutateOnce(mutated, other, chance);
  return sizeOf(mutated) <= GENES_MAX && depthOf(mutated) <= DEPTH_MAX ? mutated : gene;
}

/** Any part. */
export function randomGene(chance: Chance, depth = 0): Gene {
  const kind = chance.below(depth > 2 ? 5 : 8);
  if (kind === 0) return { kind: 'text', style: chance.below(16), step: chance.pick([0, 1, 1, 7, 700]) };
  if (kind === 1) return randomNumber(chance);
  if (kind === 2) return { kind: 'shape', index: chance.below(COSTLY_SHAPES.length), bytes: 6 + chance.size(200) };
  if (kind === 3) return { kind: 'atom', bytes: chance.pick(ATOMS) };
  if (kind === 4) return { kind: 'atom', bytes: randomMessagePack(chance).subarray(0, 64) };
  const children = Array.from({ length: chance.below(4) }, () => randomGene(chance, depth + 1));
  return { kind: 'box', box: chance.pick(BOXES), children, times: 1 + chance.size(30) };
}

const ATOMS: readonly Buffer[] = [
  'c0',
  'c2',
  '07',
  'a0',
  '90',
  '80',
  'c400',
  'd40000',
  'cb3ff0000000000000',
  'd4730',
  'd57391a0',
].map((hex) => Buffer.from(hex, 'hex'));

function array(...children: readonly Gene[]): Gene {
  return { kind: 'box', box: 'array', children, times: 1 };
}

function randomNumber(chance: Chance): Gene {
  return {
    kind: 'number',
    first: chance.pick(EDGES),
    step: chance.pick([0, 1, 65_536, 2 ** 31]),
    bytes: chance.pick([1, 2, 4, 8]),
  };
}

function mutateOnce(gene: Gene, other: Gene, chance: Chance): Gene {
  // Half of the changes are somewhere inside.
  if (gene.kind === 'box' && gene.children.length > 0 && chance.flip(0.6)) {
    const at = chance.below(gene.children.length);
    return { ...gene, children: gene.children.with(at, mutateOnce(gene.children[at]!, other, chance)) };
  }
  const kind = chance.below(5);
  if (kind === 0) return { kind: 'box', box: chance.pick(BOXES), children: [gene], times: 1 + chance.size(8) };
  if (kind === 1) return anyPart(other, chance);
  if (kind === 2) return randomGene(chance);
  return change(gene, other, chance);
}

function change(gene: Gene, other: Gene, chance: Chance): Gene {
  switch (gene.kind) {
    case 'box':
      return changeBox(gene, other, chance);
    case 'text':
      return chance.flip(0.5) ? { ...gene, style: chance.below(16) } : { ...gene, step: chance.size(100_000) };
    case 'number':
      return randomNumber(chance);
    case 'shape':
      return chance.flip(0.7)
        ? { ...gene, bytes: 6 + chance.size(SHAPE_BYTES_MAX) }
        : { ...gene, index: chance.below(COSTLY_SHAPES.length) };
    default: {
      const bytes = Buffer.from(gene.bytes);
      if (bytes.length > 0) bytes[chance.below(bytes.length)] = chance.below(256);
      return { kind: 'atom', bytes };
    }
  }
}

function changeBox(gene: Extract<Gene, { kind: 'box' }>, other: Gene, chance: Chance): Gene {
  const { children } = gene;
  const at = chance.below(children.length + 1);
  const kind = chance.below(6);
  if (kind === 0) return { ...gene, box: chance.pick(BOXES) };
  if (kind === 1) return { ...gene, times: 1 + chance.size(TIMES_MAX) };
  if (kind === 2) return { ...gene, children: children.toSpliced(at, 1) };
  if (kind === 3) return { ...gene, children: children.toSpliced(at, 0, anyPart(other, chance)) };
  if (kind === 4) return { ...gene, children: children.toSpliced(at, 0, randomGene(chance, 1)) };
  return children[at] ?? gene;
}

function anyPart(gene: Gene, chance: Chance): Gene {
  if (gene.kind !== 'box' || gene.children.length === 0 || chance.flip(0.3)) return gene;
  return anyPart(chance.pick(gene.children), chance);
}

/** How many parts are rendered, at most; what a box repeats inside of a box that repeats multiplies. */
function sizeOf(gene: Gene): number {
  if (gene.kind !== 'box') return 1;
  return 1 + gene.children.reduce((sum, child) => sum + sizeOf(child), 0);
}

function depthOf(gene: Gene): number {
  return gene.kind === 'box' ? 1 + Math.max(0, ...gene.children.map(depthOf)) : 0;
}
