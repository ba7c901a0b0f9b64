// npm run faults: brings every fault of the list upon real processes and a real etcd while calls flow, and prints what came of it.
// --only NAME (several times), --short, --at-once N, --markdown FILE. Ends with code 1 when a promise was broken.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import '../own-cache.js';
import { page } from './page.js';
import { runScenario } from './run-scenario.js';
import type { Outcome, Scenario } from './scenario.js';
import { SCENARIOS, TESTED } from './scenarios/index.js';
import { LONG_OUTAGE } from './scenarios/outages.js';
import { cellsOf, textTable } from './table.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '1' },
    markdown: { type: 'string' },
  },
});
const chosen = values.only === undefined ? SCENARIOS : values.only.map(scenarioNamed);
const atOnce = Number(values['at-once']);
if (!(Number.isInteger(atOnce) && atOnce >= 1))
  throw new TypeError(`--at-once must be 1 or more, not ${values['at-once']}`);
const startedAt = new Date();
const outcomes = new Map<string, Outcome>();

// The long outage needs its ten minutes and nothing else: it runs beside the others.
const beside = chosen.filter((scenario) => scenario === LONG_OUTAGE);
const others = chosen.filter((scenario) => scenario !== LONG_OUTAGE);
await Promise.all([runAll(beside), ...Array.from({ length: atOnce }, () => runAll(others))]);

const sorted = chosen.map(({ name }) => outcomes.get(name)!);
console.log(`\n${textTable(sorted)}`);
const broken = sorted.filter(({ problems }) => problems.length > 0);
for (const { name, problems } of broken) console.log(`FAIL ${name}: ${problems.join('; ')}`);
if (values.markdown !== undefined)
  await writeFile(values.markdown, await page(sorted, { startedAt, short: values.short, atOnce }));
process.exitCode = broken.length > 0 ? 1 : 0;

/** Takes one after the other until none is left; several may take from the same list. */
async function runAll(scenarios: Scenario[]): Promise<void> {
  for (let scenario = scenarios.shift(); scenario !== undefined; scenario = scenarios.shift()) {
    const { name, title } = scenario;
    console.log(`...  ${name}: ${title}`);
    const outcome = await runScenario(scenario, values.short);
    outcomes.set(name, outcome);
    const { problems, notes } = outcome;
    const [, lasted, calls, failed, longest, agreed] = cellsOf(outcome);
    console.log(
      `${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}: lasted ${lasted}, ${failed} of ${calls} calls failed, longest ${longest}, agreed after ${agreed}`,
    );
    for (const remark of [...notes, ...problems]) console.log(`       ${remark}`);
  }
}

function scenarioNamed(name: string): Scenario {
  const found = [...SCENARIOS, ...TESTED].find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  throw new TypeError(`--only must be one of ${SCENARIOS.map((scenario) => scenario.name).join(', ')}, not ${name}`);
}
