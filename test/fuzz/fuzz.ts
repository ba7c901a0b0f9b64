import { performance } from 'node:perf_hooks';
import { Chance } from './chance.js';
import { Coverage } from './coverage.js';
import { execute } from './execute.js';
import { type FuzzTarget, joinInput, splitInput } from './fuzz-target.js';
import { mutate } from './mutate.js';

/** How a run goes. It ends with the first of its two ends. */
export interface FuzzOptions {
  readonly seed: number;
  /** Ends the run after so much real time. */
  readonly seconds: number;
  /** Ends the run after so many inputs; the same seed gives the same ones. */
  readonly inputs: number;
  readonly corpus: readonly Buffer[];
  /** Whether inputs that reach new code join the corpus (default true). It makes the inputs depend on the code. */
  readonly withCoverage?: boolean;
  /** Told of each batch before it runs, so that what kills the process is known. */
  readonly onBatch?: (batch: readonly Buffer[]) => void;
  readonly onProgress?: (progress: FuzzProgress) => void;
  readonly onFinding?: (input: Buffer, what: string) => void;
}

/** How far a run has come. */
export interface FuzzProgress {
  readonly inputs: number;
  readonly seconds: number;
  readonly corpus: number;
  readonly added: readonly Buffer[];
  readonly coverage: number;
  readonly findings: number;
}

const BATCH = 50;
const PROGRESS_MS = 5_000;
const FINDINGS_MAX = 20;
/** So many inputs are watched in a row; what they reach that is new is then traced to those that reached it. */
const WINDOW = 200;
/** Looking at coverage costs much more than the inputs do: no more than this share of the time goes to it. */
const COVERAGE_SHARE = 0.2;
const CORPUS_MAX = 5_000;

/** Throws inputs at a target: valid ones from its grammar, mutated ones, and mutations of those that reached new code. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzProgress> {
  const chance = new Chance(options.seed);
  const coverage = new Coverage();
  const { withCoverage = true } = options;
  if (withCoverage) coverage.start();
  const corpus: Buffer[] = [];
  const added: Buffer[] = [];
  const recent: Buffer[] = [];
  let isWatched = withCoverage;
  let coverageMs = 0;
  const kinds = new Set<string>();
  const startedAt = performance.now();
  let [inputs, findings, toldAt] = [0, 0, startedAt];
  const progress = (): FuzzProgress => ({
    inputs,
    seconds: (performance.now() - startedAt) / 1000,
    corpus: corpus.length,
    added,
    coverage: coverage.size,
    findings,
  });
  const tryOne = async (input: Buffer): Promise<void> => {
    inputs++;
    const what = await execute(target, input);
    if (what === undefined) return;
    // The same mistake over and over is one finding.
    const kind = what.replace(/\d+/g, 'N').slice(0, 200);
    if (kinds.has(kind)) return;
    kinds.add(kind);
    findings++;
    options.onFinding?.(input, what);
  };
  const keep = (input: Buffer): void => {
    added.push(input);
    corpus.push(input);
    if (corpus.length > CORPUS_MAX) corpus.splice(0, 1);
  };
  for (const input of options.corpus) {
    options.onBatch?.([input]);
    await tryOne(input);
    coverage.takeNew();
    corpus.push(input);
  }
  const isOver = (): boolean =>
    performance.now() - startedAt >= options.seconds * 1000 || inputs >= options.inputs || findings >= FINDINGS_MAX;
  while (!isOver()) {
    const batch = Array.from({ length: Math.min(BATCH, options.inputs - inputs) }, () => next(target, corpus, chance));
    options.onBatch?.(batch);
    for (const input of batch) await tryOne(input);
    if (isWatched) recent.push(...batch);
    if (recent.length >= WINDOW) {
      const lookedAt = performance.now();
      if (coverage.takeNew() > 0) await keepUseful(target, recent, coverage, coverage.takeMarks(), keep);
      recent.length = 0;
      isWatched = false;
      coverageMs += performance.now() - lookedAt;
    } else if (withCoverage && !isWatched && coverageMs < COVERAGE_SHARE * (performance.now() - startedAt)) {
      // What ran since the last look belongs to nobody.
      coverage.skip();
      isWatched = true;
    }
    if (performance.now() - toldAt >= PROGRESS_MS) {
      toldAt = performance.now();
      options.onProgress?.(progress());
    }
  }
  return progress();
}

function next(target: FuzzTarget, corpus: readonly Buffer[], chance: Chance): Buffer {
  const plan = chance.seed();
  if (corpus.length === 0 || chance.flip(0.15)) return joinInput(plan, target.generate(chance));
  const base = chance.flip(0.4) ? joinInput(plan, target.generate(chance)) : chance.pick(corpus);
  const other = chance.flip(0.5) ? target.generate(chance) : splitInput(chance.pick(corpus)).bytes;
  const { plan: oldPlan, bytes } = splitInput(base);
  return joinInput(chance.flip(0.5) ? oldPlan : plan, mutate(bytes, chance, other, target));
}

/** A batch reached something new: finds out with which of its inputs, by running its halves again. */
async function keepUseful(
  target: FuzzTarget,
  batch: readonly Buffer[],
  coverage: Coverage,
  marks: Set<string>,
  keep: (input: Buffer) => void,
): Promise<void> {
  for (const input of batch) await execute(target, input);
  if (!coverage.reaches(marks)) return;
  if (batch.length === 1) {
    keep(batch[0]!);
    return coverage.claim(marks);
  }
  const middle = batch.length >> 1;
  await keepUseful(target, batch.slice(0, middle), coverage, marks, keep);
  await keepUseful(target, batch.slice(middle), coverage, marks, keep);
}
