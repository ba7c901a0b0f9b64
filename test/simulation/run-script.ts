import { checkEnd } from './check-end.js';
import { checkCalls, checkOpen } from './invariants.js';
import type { Plant } from './plant.js';
import { CHAOS_MS, type Script } from './script.js';
import { World } from './world.js';

/** How a run went. */
export interface Verdict {
  /** What was not as it must be; each begins with the name of its invariant. */
  readonly violations: readonly string[];
  /** The same for two runs that went the same way. */
  readonly hash: string;
  /** What happened, one line each. */
  readonly lines: readonly string[];
  /** How many calls of the script ended so, by code or `ok`. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** How often invariants are looked at, in virtual milliseconds. */
const SLICE_MS = 250;

/** Runs a script in virtual time and looks at the invariants on the way and at the end. It ends early where one is broken. */
export async function runScript(script: Script, plant: Plant = {}): Promise<Verdict> {
  const { stackTraceLimit } = Error;
  // Errors are made by the thousand, and nobody looks where.
  Error.stackTraceLimit = 0;
  try {
    return await run(script, plant);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function run(script: Script, plant: Plant): Promise<Verdict> {
  const world = new World(script, plant);
  const { clock, ledger } = world;
  const beganAt = clock.now();
  for (const step of script.steps) clock.schedule(step.atMs, () => world.do(step));
  for (let at = SLICE_MS; at <= CHAOS_MS && ledger.violations.length === 0; at += SLICE_MS) {
    await clock.advance(beganAt + at - clock.now());
    checkOpen(world);
  }
  if (ledger.violations.length === 0) {
    world.heal();
    await checkEnd(world);
  } else await world.close();
  checkCalls(world);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of ledger.calls.values()) {
    const key = outcome?.split(' ')[0] ?? 'open';
    outcomes[key] = (outcomes[key] ?? 0) + 1;
  }
  return { violations: ledger.violations, hash: ledger.hash, lines: ledger.lines, outcomes };
}
