import type { Cost } from './measure.js';

/** What is kept of a run: ratios, which hold for other machines, and bytes. */
export type Baseline = Readonly<Record<string, { readonly ratio: number; readonly bytes: number }>>;

/** One figure that changed by more than may be. */
export interface Change {
  readonly name: string;
  readonly what: 'time' | 'bytes';
  readonly before: number;
  readonly now: number;
}

/** More than this is a change: 5 %. */
export const NOTICEABLE = 1.05;
/** So few bytes more or less are none: a hidden class or a hash table that grew meanwhile. */
const BYTES_NOISE = 16;

/** What costs more now than in the baseline, and what costs less; what only one of them has is no change. */
export function changes(baseline: Baseline, costs: ReadonlyMap<string, Cost>): { dearer: Change[]; cheaper: Change[] } {
  const found = { dearer: [] as Change[], cheaper: [] as Change[] };
  const judge = (change: Change, noise: number): void => {
    if (change.now > change.before * NOTICEABLE + noise) found.dearer.push(change);
    else if (change.before > change.now * NOTICEABLE + noise) found.cheaper.push(change);
  };
  for (const [name, cost] of costs) {
    const before = baseline[name];
    if (before === undefined) continue;
    judge({ name, what: 'time', before: before.ratio, now: cost.ratio }, 0);
    judge({ name, what: 'bytes', before: before.bytes, now: cost.bytes }, BYTES_NOISE);
  }
  return found;
}

/** The baseline that a run makes. */
export function baselineOf(costs: ReadonlyMap<string, Cost>): Baseline {
  return Object.fromEntries(
    [...costs].map(([name, { ratio, bytes }]) => [name, { ratio: Number(ratio.toFixed(3)), bytes }]),
  );
}
