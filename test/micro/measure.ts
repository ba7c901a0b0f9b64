import { setImmediate as turn } from 'node:timers/promises';

/** One thing whose cost is measured. */
export interface Case {
  readonly name: string;
  /** Does it `count` times. */
  readonly run: (count: number) => unknown;
  /** What it is compared with; default the reference loop. */
  readonly beside?: string;
  /** At most so many times what it is compared with: the goal. */
  readonly most?: number;
}

/** What one takes. */
export interface Cost {
  readonly ns: number;
  /** Times as long as what it is compared with, in the same run. */
  readonly ratio: number;
  /** Allocated, of all kinds of memory. */
  readonly bytes: number;
}

const SLICE_MS = 25;
const BYTES_ROUNDS = 5;
const BYTES_GOAL = 24 * 1024 * 1024;

/**
 * A loop of fixed work of the kinds that calls are made of: objects, a map, arithmetic on bytes. Other things are compared with it,
 * so that figures of other machines and of busy ones mean the same.
 */
export function referenceLoop(count: number): number {
  const map = new Map<number, { id: number; next: number[] }>();
  const bytes = new Uint8Array(64);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    map.set(i & 63, { id: i, next: [i, i + 1] });
    const found = map.get((i * 7) & 63);
    if (found !== undefined) sum = (sum + found.id + found.next.length) | 0;
    for (let j = 0; j < 64; j += 8) bytes[j] = sum + j;
    sum = (sum + bytes[i & 63]!) | 0;
  }
  return sum;
}

/**
 * Measures cases side by side: in each round all of them run a slice, each with a slice of what it is compared with right before or right
 * after it, in turns. Of the ratios to the reference loop the lower quartile counts, since what else a machine does only ever adds; of those to
 * another case the median, since it adds to both.
 *
 * @param cases - by name
 * @param rounds - from 1
 */
export async function measureCosts(
  cases: readonly Case[],
  rounds: number,
  progress: (text: string) => void,
): Promise<ReadonlyMap<string, Cost>> {
  const reference: Case = { name: 'reference', run: referenceLoop };
  const all = [reference, ...cases];
  const counts = new Map<Case, number>();
  for (const one of all) {
    progress(`warms up: ${one.name}`);
    counts.set(one, await countOf(one));
  }
  const times = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  const ratios = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (const one of cases) {
      const beside = one.beside === undefined ? reference : cases.find(({ name }) => name === one.beside);
      if (beside === undefined) throw new Error(`${one.name} is compared with ${one.beside}, which is not there`);
      const pair = round % 2 === 0 ? [beside, one] : [one, beside];
      const ns = new Map<Case, number>();
      for (const each of pair) ns.set(each, await nsOf(each, counts.get(each)!));
      times.get(one.name)!.push(ns.get(one)!);
      ratios.get(one.name)!.push(ns.get(one)! / ns.get(beside)!);
    }
  }
  const costs = new Map<string, Cost>();
  for (const one of cases) {
    progress(`bytes: ${one.name}`);
    costs.set(one.name, {
      ns: quantile(times.get(one.name)!, 0.25),
      ratio: quantile(ratios.get(one.name)!, one.beside === undefined ? 0.25 : 0.5),
      bytes: await bytesOf(one, counts.get(one)!),
    });
  }
  return costs;
}

/** Warms it up, and finds how often it runs in a slice. */
async function countOf(one: Case): Promise<number> {
  let count = 16;
  for (;;) {
    const begun = performance.now();
    await one.run(count);
    const elapsed = performance.now() - begun;
    if (elapsed > SLICE_MS) break;
    count *= 2;
  }
  for (let i = 0; i < 4; i++) await one.run(count);
  const begun = performance.now();
  await one.run(count);
  return Math.max(16, Math.round((count * SLICE_MS) / (performance.now() - begun)));
}

async function nsOf({ run }: Case, count: number): Promise<number> {
  await turn();
  // Of the processor, not of the clock: while others run, this one is not slower. What threads of V8 collect counts.
  const begun = process.cpuUsage();
  await run(count);
  const { user, system } = process.cpuUsage(begun);
  return ((user + system) * 1_000) / count;
}

/** What is allocated between two looks at the heap: the median of several, of which few have a collection in them. */
async function bytesOf({ run }: Case, count: number): Promise<number> {
  const found: number[] = [];
  let many = Math.min(count, 2_000);
  for (let round = 0; round < BYTES_ROUNDS; round++) {
    globalThis.gc?.();
    await turn();
    const before = used();
    await run(many);
    const bytes = (used() - before) / many;
    if (bytes >= 0) {
      found.push(bytes);
      // As many as fit into the young generation, for the costs of the look itself to vanish.
      many = Math.min(200_000, Math.max(many, Math.floor(BYTES_GOAL / Math.max(bytes, 16))));
    }
  }
  found.sort((a, b) => a - b);
  return Math.round(found[found.length >> 1] ?? 0);
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}
