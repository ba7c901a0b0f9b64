import { Chance } from '../chance.js';
import type { CostInput, CostSubject } from './subject.js';
import { glance, isTooMuch, type Weight, weigh, weighAgain } from './weigh.js';

/** How a search goes. It ends with the first of its ends. */
export interface SearchOptions {
  readonly seed: number;
  /** Ends the search after so much real time. */
  readonly seconds: number;
  /** Ends the search after so many inputs. */
  readonly inputs: number;
  /** Ends the search after so many findings (default 20). */
  readonly findings?: number;
  /** Told of each input before it is taken, so that what kills the process is known. */
  readonly onInput?: (input: Buffer) => void;
  readonly onProgress?: (progress: SearchProgress) => void;
  /** Told of each input that costs more than it may. */
  readonly onFinding?: (input: Buffer, what: string) => void;
}

/** How far a search has come. */
export interface SearchProgress {
  readonly inputs: number;
  readonly seconds: number;
  readonly findings: number;
  /** The worst of each kind of cost. */
  readonly worst: Readonly<Record<Cost, Costly | undefined>>;
}

/** One kind of cost. */
export type Cost = 'memory' | 'counted' | 'cpu';

/** An input and its cost. */
export interface Costly {
  readonly weight: Weight;
  readonly message: CostInput;
  readonly form: unknown;
}

const COSTS: readonly Cost[] = ['memory', 'counted', 'cpu'];
/** How many of the costliest are kept for each kind of cost. */
const KEPT = 12;
/** So often is the costliest looked at in its largest size, which takes a hundred times as long. */
const LARGEST_EVERY = 150;
const PROGRESS_MS = 5_000;
const FINDINGS_MAX = 20;
const CPU_LOOKS = 4;
/** A weight that is beyond its bound must be so in all of so many looks. */
const LOOKS = 6;

/** Changes inputs of a subject and keeps those that cost most, in memory and CPU time for each of their bytes. */
export async function searchCosts<Form>(subject: CostSubject<Form>, options: SearchOptions): Promise<SearchProgress> {
  const { findings: findingsMax = FINDINGS_MAX } = options;
  const chance = new Chance(options.seed);
  const kept: Record<Cost, Costly[]> = { memory: [], counted: [], cpu: [] };
  const startedAt = performance.now();
  let [inputs, findings, toldAt] = [0, 0, startedAt];
  const one = async (form: Form, bytes: number): Promise<void> => {
    const message = subject.render(form, bytes);
    options.onInput?.(message.input);
    inputs++;
    const first = await glance(subject, message);
    if (COSTS.every((cost) => first[cost] <= (kept[cost][KEPT - 1]?.weight[cost] ?? 0))) return;
    let weight = await weigh(subject, message);
    // Of what the machine did besides, the least of a few has least; else the kept ones would be those that had most of it.
    for (let i = 0; i < CPU_LOOKS && weight.cpu > (kept.cpu[KEPT - 1]?.weight.cpu ?? 0); i++) {
      const again = i === 0 ? first : await glance(subject, message);
      weight = { ...weight, cpu: Math.min(weight.cpu, again.cpu), cpuMs: Math.min(weight.cpuMs, again.cpuMs) };
    }
    if (isTooMuch(weight)) weight = await weighAgain(subject, message, weight, LOOKS);
    for (const cost of COSTS) keep(kept[cost], cost, { weight, message, form });
    if (!isTooMuch(weight)) return;
    findings++;
    options.onFinding?.(message.input, describe(weight, message));
  };
  const tell = (): void => {
    if (performance.now() - toldAt < PROGRESS_MS) return;
    toldAt = performance.now();
    options.onProgress?.(progress());
  };
  const progress = (): SearchProgress => ({
    inputs,
    seconds: (performance.now() - startedAt) / 1000,
    findings,
    worst: { memory: kept.memory[0], counted: kept.counted[0], cpu: kept.cpu[0] },
  });
  const isOver = (): boolean =>
    performance.now() - startedAt >= options.seconds * 1000 || inputs >= options.inputs || findings >= findingsMax;
  const seeds = subject.seeds();
  const any = (): Form => {
    const pool = kept[chance.pick(COSTS)];
    return pool.length === 0 || chance.flip(0.1) ? chance.pick(seeds) : (chance.pick(pool).form as Form);
  };
  const [usual, largest] = subject.sizes;
  // A short search looks at some of them only, and has time for changes.
  const step = Math.max(1, Math.ceil((2 * seeds.length) / options.inputs));
  for (let at = 0; at < seeds.length && !isOver(); at += step) {
    await one(seeds[at]!, usual);
    tell();
  }
  while (!isOver()) {
    if (inputs % LARGEST_EVERY === 0 && largest > usual) await one(any(), largest);
    else await one(subject.mutate(any(), any(), chance), usual);
    tell();
  }
  return progress();
}

function keep(list: Costly[], cost: Cost, costly: Costly): void {
  const share = costly.weight[cost];
  if (share <= 0) return;
  const at = list.findIndex((other) => other.weight[cost] < share);
  list.splice(at < 0 ? list.length : at, 0, costly);
  if (list.length > KEPT) list.length = KEPT;
}

/** What an input costs, in words. */
export function describe(weight: Weight, { bytes, messages }: CostInput): string {
  const perByte = (weight.heldBytes / bytes).toFixed(1);
  const ratio = weight.counted > 0 ? `, ${(1.5 * weight.counted).toFixed(2)} times what is counted` : '';
  const what = messages === 1 ? `${bytes} bytes` : `${bytes} bytes in ${messages} messages`;
  return `${what} hold ${weight.heldBytes} bytes (${perByte} for each${ratio}) and take ${weight.cpuMs.toFixed(1)} ms`;
}
