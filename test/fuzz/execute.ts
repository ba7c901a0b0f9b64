import { getHeapStatistics } from 'node:v8';
import { type FuzzTarget, splitInput } from './fuzz-target.js';

/** The most CPU time that an input of at most 64 KiB may take, in milliseconds. */
export const CPU_MS_MAX = 50;
/** How many times its size an input may hold in memory, besides what any connection takes. */
export const MEMORY_FACTOR = 80;
/** What a connection, its other end and the calls of a rig take themselves. */
const RIG_BYTES = 400_000;
/** Garbage below this makes no input suspicious; besides, one in a thousand is always looked at. */
const GARBAGE_BYTES = 6_000_000;
const REPEATS = 5;

/** What broke outside of any promise: a rejection or an error that nobody caught. */
const strays: unknown[] = [];
let isWatching = false;

/** Runs one input. @returns what is wrong, `undefined` when nothing is */
export async function execute(target: FuzzTarget, input: Buffer): Promise<string | undefined> {
  watch();
  const { plan, bytes } = splitInput(input);
  const before = memory();
  let held = before;
  const cpu = process.cpuUsage();
  try {
    await target.run(plan, bytes, () => {
      held = memory();
    });
  } catch (error) {
    return describe(error);
  }
  const { user, system } = process.cpuUsage(cpu);
  if (strays.length > 0) return `nobody caught: ${strays.splice(0).map(describe).join('; ')}`;
  if ((user + system) / 1000 > CPU_MS_MAX) {
    const ms = await leastCpuMs(target, plan, bytes);
    if (ms > CPU_MS_MAX) return `takes ${ms.toFixed(0)} ms of CPU time for ${bytes.length} bytes`;
  }
  const bound = MEMORY_FACTOR * bytes.length + RIG_BYTES;
  // Much of what was allocated meanwhile is garbage, and finding out how much costs a hundred times the input itself.
  if (held - before > bound + GARBAGE_BYTES || (plan & 0x3ff) === 0) {
    const retained = await leastRetained(target, plan, bytes, bound);
    if (retained > bound) return `holds ${retained} bytes for ${bytes.length}`;
  }
  return undefined;
}

/** The machine is noisy: only the least of several runs counts. */
async function leastCpuMs(target: FuzzTarget, plan: number, bytes: Buffer): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS && least > CPU_MS_MAX; i++) {
    const cpu = process.cpuUsage();
    await target.run(plan, bytes, () => {});
    const { user, system } = process.cpuUsage(cpu);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

async function leastRetained(target: FuzzTarget, plan: number, bytes: Buffer, bound: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS && least > bound; i++) {
    collect();
    const before = memory();
    let held = before;
    await target.run(plan, bytes, () => {
      collect();
      held = memory();
    });
    least = Math.min(least, held - before);
  }
  return least;
}

function memory(): number {
  // Not process.memoryUsage(), which reads the size of the whole process as well.
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Under mocha its own listeners do this. */
function watch(): void {
  if (isWatching) return;
  isWatching = true;
  process.on('unhandledRejection', (reason) => strays.push(reason));
}
