// npm run faults:nodes: makes one of three node processes ill while `rpc bench` runs with its default options, and prints what came of it.
// --only NAME (several times), --seconds N of the fault (15), --rate N calls a second (200), --markdown FILE. Ends with code 1 when a bound was broken.
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, type } from 'node:os';
import { parseArgs } from 'node:util';
import '../own-cache.js';
import { type Load, runScene } from './run-scene.js';
import { type Figures, SCENES, type Scene } from './scenes.js';

/** How often the healthy pool is measured. */
const WELL_RUNS = 2;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '15' },
    rate: { type: 'string', default: '200' },
    markdown: { type: 'string' },
  },
});
const load: Load = { perSecond: Number(values.rate), beforeS: 5, faultS: Number(values.seconds) };
const chosen = values.only === undefined ? SCENES : values.only.map(sceneNamed);
const [loadBefore] = loadavg();

/** The worst of several: what a machine that does other things too does to all of them alike is no fault's doing. */
let well = await runScene(undefined, load);
for (let again = 1; again < WELL_RUNS; again++) {
  const next = await runScene(undefined, load);
  if (next.p99Ms > well.p99Ms) well = next;
}
const rows: string[][] = [['all are well', '', ...cells(well), '']];
let failed = 0;
console.log(`all are well: ${cells(well).join(', ')}`);
for (const scene of chosen) {
  const seen = await runScene(scene, load);
  const isKept = scene.holds(seen, well);
  if (!isKept) failed++;
  rows.push([scene.title, scene.bound, ...cells(seen), isKept ? 'yes' : 'no']);
  console.log(`${isKept ? 'ok  ' : 'FAIL'} ${scene.name}: ${cells(seen).join(', ')} (${scene.bound})`);
  console.log(
    `       errors by second ${seen.errorsBySecond.join(' ')}; p99 ${seen.p99BySecond.map(Math.round).join(' ')}`,
  );
}
if (values.markdown !== undefined) await writeFile(values.markdown, page());
process.exitCode = failed > 0 ? 1 : 0;

function sceneNamed(name: string): Scene {
  const found = SCENES.find((scene) => scene.name === name);
  if (found !== undefined) return found;
  throw new TypeError(`--only must be one of ${SCENES.map((scene) => scene.name).join(', ')}, not ${name}`);
}

function cells({ calls, errors, p99Ms, maxMs }: Figures): string[] {
  return [`${calls} calls`, `${errors} failed`, `p99 ${Math.round(p99Ms)} ms`, `longest ${Math.round(maxMs)} ms`];
}

function page(): string {
  const { perSecond, beforeS, faultS } = load;
  const table = rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
  return `# Ill nodes, real processes

What comes of \`rpc bench\` with its default options, at ${perSecond} calls a second that take 20 ms on average (exponentially distributed), when one of three node processes becomes ill after ${beforeS} s, for ${faultS} s.
Written by \`npm run faults:nodes -- --markdown docs/governance/nodes.md\`; nothing in the table is typed in by hand.

- **date** ${new Date().toISOString().slice(0, 10)}; **machine** ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${type()} ${release()}; **Node.js** ${process.version}; **load** of the
  machine before it began ${loadBefore!.toFixed(1)}: whatever else ran is in the times

| one node | promised | calls | failed | p99 | longest | kept |
|---|---|---|---|---|---|---|
${table}

Percentiles are of the time from sending to the answer, of the whole run, the ${beforeS} s before the fault included; "all are well" is the worst of ${WELL_RUNS} runs.
`;
}
