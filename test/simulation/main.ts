// npm run simulate: runs whole clients and servers in virtual time under random calls and faults, and looks at what must hold.
// --seeds N (1,000), --from N (1), --seed N for one of them with all that happens and the shortest script that still fails.
// Ends with code 1 when an invariant was broken.
import { parseArgs } from 'node:util';
import '../own-cache.js';
import { generate } from './generate.js';
import { runScript, type Verdict } from './run-script.js';
import { shrink } from './shrink.js';

/** Of so many runs one is made twice, which must go the same way. */
const TWICE_EACH = 100;

/** How often the command says how far it is, in milliseconds. */
const PROGRESS_MS = 2_000;

/** How many seeds that fail are shown. */
const SHOWN_MAX = 20;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
});

const failed = values.seed === undefined ? await many() : await replay(whole('seed', values.seed));
process.exitCode = failed ? 1 : 0;

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1)) throw new TypeError(`--${name} must be 1 or more, not ${text}`);
  return value;
}

async function many(): Promise<boolean> {
  const from = whole('from', values.from);
  const count = whole('seeds', values.seeds);
  const bad: number[] = [];
  const outcomes: Record<string, number> = {};
  let toldAt = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    const verdict = await runOnce(seed);
    for (const [outcome, times] of Object.entries(verdict.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + times;
    if (verdict.violations.length > 0) {
      bad.push(seed);
      if (bad.length <= SHOWN_MAX) console.log(`seed ${seed}: ${verdict.violations[0]}`);
    }
    if (performance.now() - toldAt < PROGRESS_MS) continue;
    toldAt = performance.now();
    const done = seed - from + 1;
    console.error(`${done} of ${count} seeds, ${bad.length} failed, ${(done / (toldAt / 1_000)).toFixed(0)} a second`);
  }
  const calls = Object.values(outcomes).reduce((sum, times) => sum + times, 0);
  const { user, system } = process.cpuUsage();
  console.log(`${count} seeds from ${from}, ${calls} calls, ${((user + system) / 1e6).toFixed(1)} s of CPU`);
  for (const [outcome, times] of Object.entries(outcomes).sort(([, a], [, b]) => b - a))
    console.log(`${String(times).padStart(9)} ${outcome}`);
  console.log(
    bad.length === 0 ? 'all invariants held' : `${bad.length} seeds failed: npm run simulate -- --seed ${bad[0]}`,
  );
  return bad.length > 0;
}

/** One run; now and then a second one, which must be the same. */
async function runOnce(seed: number): Promise<Verdict> {
  const verdict = await runScript(generate(seed));
  if (seed % TWICE_EACH !== 0 || verdict.violations.length > 0) return verdict;
  const again = await runScript(generate(seed));
  if (again.hash === verdict.hash) return verdict;
  return { ...verdict, violations: [`I9: two runs went two ways, ${verdict.hash} and ${again.hash}`] };
}

async function replay(seed: number): Promise<boolean> {
  const script = generate(seed);
  const verdict = await runScript(script);
  console.log(JSON.stringify(script.settings, undefined, 1));
  console.log(verdict.lines.join('\n'));
  if (verdict.violations.length === 0) {
    console.log(`seed ${seed}: all invariants held, trace ${verdict.hash}`);
    return false;
  }
  console.log(`\nseed ${seed}, trace ${verdict.hash}:\n${verdict.violations.join('\n')}`);
  const shorter = await shrink(script);
  const { steps } = shorter.script;
  console.log(`\n${steps.length} of its ${script.steps.length} steps are enough:`);
  for (const step of steps) console.log(JSON.stringify(step));
  console.log(`\n${shorter.verdict.lines.join('\n')}`);
  return true;
}
