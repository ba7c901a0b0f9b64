import type { Plant } from './plant.js';
import { runScript, type Verdict } from './run-script.js';
import type { Script, Step } from './script.js';

/** How many runs a search for a shorter script may take. */
const RUNS_MAX = 400;

/** The name of the invariant that was broken first. */
function nameOf({ violations }: Verdict): string | undefined {
  return violations[0]?.slice(0, 2);
}

/**
 * Leaves steps out of a script as long as the same invariant is broken without them. Source: "Simplifying and Isolating Failure-Inducing
 * Input" (Zeller, Hildebrandt, 2002), the algorithm ddmin.
 * @returns a script of which hardly a step can be left out, and what comes of it
 */
export async function shrink(script: Script, plant: Plant = {}): Promise<{ script: Script; verdict: Verdict }> {
  let best = { script, verdict: await runScript(script, plant) };
  const broken = nameOf(best.verdict);
  let runs = 0;
  const stillFails = async (steps: readonly Step[]): Promise<boolean> => {
    if (runs++ >= RUNS_MAX) return false;
    const candidate = { ...script, steps };
    const verdict = await runScript(candidate, plant);
    if (nameOf(verdict) !== broken) return false;
    best = { script: candidate, verdict };
    return true;
  };
  let size = Math.ceil(script.steps.length / 2);
  while (broken !== undefined && size >= 1 && runs < RUNS_MAX) {
    let isShorter = false;
    for (let at = 0; at < best.script.steps.length; ) {
      const { steps } = best.script;
      if (await stillFails([...steps.slice(0, at), ...steps.slice(at + size)])) isShorter = true;
      else at += size;
    }
    if (!isShorter && size === 1) break;
    if (!isShorter) size = Math.ceil(size / 2);
    else size = Math.min(size, Math.ceil(best.script.steps.length / 2));
  }
  return best;
}
