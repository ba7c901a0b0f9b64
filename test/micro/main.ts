// npm run bench:micro -- [--write] [--rounds N] [--only TEXT]: what each operation of a call costs: time, as ratios to a loop of fixed
// work in the same run, and bytes allocated. Says what changed by more than 5 % against baseline.json, and ends with 1 when
// something became dearer; --write makes the run the new baseline.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Baseline, baselineOf, type Change, changes } from './baseline.js';
import { callCases, codecCases, pickCases, socketCases } from './cases.js';
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
const sockets = await socketCases();
const all = [...codecCases(), ...pickCases(), ...calls.cases, ...sockets.cases, ...refusalCases()];
const chosen = all.filter(({ name }) => name.includes(values.only));
const needed = new Set(chosen.map(({ beside }) => beside));
const costs = await measureCosts(
  all.filter((one) => chosen.includes(one) || needed.has(one.name)),
  Number(values.rounds),
  (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
);
await calls.close();
await sockets.close();
const baseline = read();

console.log(
  `${process.stderr.isTTY ? '\r\x1b[K' : ''}| operation | ns | ratio | goal | bytes | baseline |\n|---|---|---|---|---|---|`,
);
for (const [name, { ns, ratio, bytes }] of costs) {
  const before = baseline[name];
  const was = before === undefined ? 'new' : `${before.ratio.toFixed(2)}, ${before.bytes} B`;
  const { beside, most } = all.find((one) => one.name === name)!;
  const compared = beside === undefined ? '' : ` x ${beside}`;
  const goal = goalOf(ratio, most);
  console.log(`| ${name} | ${ns.toFixed(0)} | ${ratio.toFixed(2)}${compared} | ${goal} | ${bytes} | ${was} |`);
}
if (values.only === '') {
  console.log('\n| memory, client and server in processes of their own | bytes | goal |\n|---|---|---|');
  for (const { name, bytes, most } of await memoryCosts())
    console.log(`| ${name} | ${bytes} | ${goalOf(bytes, most)} |`);
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

function goalOf(value: number, most: number | undefined): string {
  return most === undefined ? '' : `${most}${value > most ? ', missed' : ''}`;
}

function read(): Baseline {
  try {
    return JSON.parse(readFileSync(PATH, 'utf8')) as Baseline;
  } catch {
    return {};
  }
}
