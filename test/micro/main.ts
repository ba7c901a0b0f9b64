// npm run bench:micro -- [--write] [--rounds N] [--only TEXT]: what each operation of a call costs: time, as ratios to a loop of fixed
// work in the same run, and bytes allocated. Says what changed by more than 5 % against baseline.json, and ends with 1 when
// something became dearer; --write makes the run the new baseline.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Baseline, baselineOf, type Change, changes } from './baseline.js';
import { callCases, codecCases, pickCases } from './cases.js';
import { measureCosts } from './measure.js';
import { memoryCosts } from './memory.js';
import { refusalCases } from './refusals.js';

const PATH = new URL('baseline.json', import.meta.url);
const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    only: { type: 'string', default: '' },
  },
});

const calls = callCases();
const all = [...codecCases(), ...pickCases(), ...calls.cases, ...refusalCases()];
const chosen = all.filter(({ name }) => name.includes(values.only));
const needed = new Set(chosen.map(({ beside }) => beside));
const costs = await measureCosts(
  all.filter((one) => chosen.includes(one) || needed.has(one.name)),
  Number(values.rounds),
  (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
);
await calls.close();
const baseline = read();

console.log(
  `${process.stderr.isTTY ? '\r\x1b[K' : ''}| operation | ns | ratio | bytes | baseline |\n|---|---|---|---|---|`,
);
for (const [name, { ns, ratio, bytes }] of costs) {
  const before = baseline[name];
  const was = before === undefined ? 'new' : `${before.ratio.toFixed(2)}, ${before.bytes} B`;
  const beside = all.find((one) => one.name === name)?.beside;
  console.log(
    `| ${name} | ${ns.toFixed(0)} | ${ratio.toFixed(2)}${beside === undefined ? '' : ` x ${beside}`} | ${bytes} | ${was} |`,
  );
}
if (values.only === '') {
  console.log('\n| memory, both ends in one process | bytes |\n|---|---|');
  for (const [name, bytes] of await memoryCosts()) console.log(`| ${name} | ${bytes} |`);
}
const { dearer, cheaper } = changes(baseline, costs);
const tell = (title: string, list: readonly Change[]): void => {
  if (list.length > 0) console.log(`\n${title}`);
  for (const { name, what, before, now } of list)
    console.log(`- ${name}: ${what} ${before} -> ${Number(now.toFixed(3))} (${(now / before).toFixed(2)} x)`);
};
tell('Cheaper than the baseline by more than 5 %', cheaper);
tell('Dearer than the baseline by more than 5 %', dearer);
if (values.write) writeFileSync(PATH, `${JSON.stringify({ ...baseline, ...baselineOf(costs) }, undefined, 2)}\n`);
else if (dearer.length > 0) process.exitCode = 1;

function read(): Baseline {
  try {
    return JSON.parse(readFileSync(PATH, 'utf8')) as Baseline;
  } catch {
    return {};
  }
}
