// npm run bench:growth -- [--only NAME] [--rounds N] [--slice MS] [--out FOLDER]
// What a call of @org/rpc costs as connections, nodes, services, methods, calls in flight and payloads grow: CPU of both sides, all
// points of a line side by side. Writes docs/benchmarks/growth.md with a chart each, or into .cache/benchmarks after --only.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SetupError, setup } from '../../scripts/lib/setup.mjs';
import { barChart } from '../compare/chart.mjs';
import { measure } from '../compare/lib/measure.mjs';
import { summary } from '../compare/lib/statistics.mjs';
import { DIMENSIONS } from './dimensions.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** So much dearer than its neighbour before a line is said to bend. */
const BEND = 1.25;
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    slice: { type: 'string', default: '400' },
    out: { type: 'string' },
  },
});
const dimensions = DIMENSIONS.filter(({ name }) => values.only === undefined || name === values.only);
if (dimensions.length === 0) {
  console.error(`bench:growth: --only ${values.only}: there are ${DIMENSIONS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
try {
  await setup();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`bench:growth: ${error.message}`);
  process.exit(1);
}
const out = values.out ?? join(ROOT, values.only === undefined ? 'docs/benchmarks' : '.cache/benchmarks');
mkdirSync(out, { recursive: true });

const sections = [];
for (const dimension of dimensions) sections.push(await grow(dimension));
const path = join(out, 'growth.md');
writeFileSync(
  path,
  `# How costs grow

Made by \`npm run bench:growth\` on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model}, ${cpus().length} cores, Node.js ${process.version}. A server and a client process, all
defaults on, small objects unless a line says otherwise. CPU is of both processes together, the median of ${values.rounds} slices of ${values.slice} ms.

${sections.join('\n')}`,
);
console.log(`\n${path}`);
process.exit(0);

async function grow({ name, title, unit, per, reason, points }) {
  console.log(`\n${title}`);
  const rows = [];
  for (const [i, { x, label, scenario }] of points.entries()) {
    const results = await measure(scenario, [{ name: 'org-rpc' }], {
      rounds: Number(values.rounds),
      sliceMs: Number(values.slice),
      warmUpMs: 1_000,
      firstPort: 25_000 + (i % 8) * 100,
      say: (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${title}, ${label}: ${text}`),
    });
    const result = results.get('org-rpc');
    if (result instanceof Error) throw result;
    const found = summary(result, undefined);
    const cpuUs = found.clientUs + found.serverUs;
    rows.push({ x, label, ...found, cost: per === 'byte' ? (cpuUs * 1_000) / x : cpuUs });
    const { perSecond, cost } = rows.at(-1);
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    console.log(`  ${label.padStart(10)}  ${Math.round(perSecond)}/s  ${cost.toFixed(2)} ${costUnit(per)}`);
  }
  const bars = rows.map(({ label, cost }) => ({ label, value: cost, text: cost.toFixed(2), isOwn: true }));
  writeFileSync(
    join(out, `growth-${name}.svg`),
    barChart(title, `CPU of client and server, ${costUnit(per)}; ${unit}`, bars, { isSorted: false }),
  );
  const bent = rows.filter(({ cost }, i) => i > 0 && cost > rows[i - 1].cost * BEND);
  const why =
    bent.length === 0
      ? ''
      : `\nIt bends upward at ${bent.map(({ label }) => label).join(', ')}${reason === undefined ? '' : `: ${reason}`}.\n`;
  return `## ${title}
![${title}](growth-${name}.svg)

${unit[0].toUpperCase()}${unit.slice(1)}.
${why}
| | calls/s | CPU, ${costUnit(per)} | p50, p99 us | failed |
|---|---|---|---|---|
${rows.map((row) => `| ${row.label} | ${Math.round(row.perSecond).toLocaleString('en-US')} | ${row.cost.toFixed(2)} | ${row.p50Us.toFixed(0)}, ${row.p99Us.toFixed(0)} | ${row.failed} |`).join('\n')}
`;
}

function costUnit(per) {
  return per === 'byte' ? 'ns a byte' : 'us a call';
}
