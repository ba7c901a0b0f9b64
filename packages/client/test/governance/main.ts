// npm run governance: runs every promise about load over seeds, prints a table, and writes it and the charts of the pages.
// --seeds N (10, and of each row no fewer than the tests take), --page NAME for one page only, --full for the rows at the size of a fleet, which
// take minutes, --write into docs/governance, --charts for the charts alone. Ends with code 1 when a bound was broken.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawChart } from './chart.js';
import { CHARTS } from './charts/index.js';
import { keeps, type Row } from './row.js';
import { FULL_ROWS, ROWS } from './rows/index.js';

const DOCS = fileURLToPath(new URL('../../../../docs/governance/', import.meta.url));

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    page: { type: 'string' },
    write: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    charts: { type: 'boolean', default: false },
  },
});
const seeds = Number(values.seeds);
if (!(Number.isInteger(seeds) && seeds >= 1)) throw new TypeError(`--seeds must be 1 or more, not ${values.seeds}`);

/** What was seen of a row. */
interface Seen {
  readonly row: Row;
  /** The value furthest from what is wanted, and its seed. */
  readonly worst: number;
  readonly seed: number;
  readonly seeds: number;
  readonly control: number | undefined;
}

const seen: Seen[] = [];
for (const row of values.charts ? [] : values.full ? FULL_ROWS : ROWS) {
  if (values.page !== undefined && row.page !== values.page) continue;
  const each = await look(row);
  seen.push(each);
  console.log(`${isFine(each) ? 'ok  ' : 'FAIL'} ${cells(each).join(' | ')}`);
}
if (values.page !== undefined && seen.length === 0 && CHARTS[values.page] === undefined)
  throw new TypeError(`--page: there is no row and no chart of "${values.page}"`);
if (values.write && !values.charts) await write();
if ((values.write && !values.full) || values.charts) await draw();
process.exitCode = seen.every(isFine) ? 0 : 1;

async function look(row: Row): Promise<Seen> {
  let worst = row.isLeast === true ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  let seed = 0;
  const count = values.full ? seeds : Math.max(seeds, row.seeds);
  for (let each = 1; each <= count; each++) {
    const value = await row.value(each);
    if (row.isLeast === true ? value >= worst : value <= worst) continue;
    worst = value;
    seed = each;
  }
  return { row, worst, seed, seeds: count, control: await row.control?.value(1) };
}

/** The bound was kept, and not without what is promised. */
function isFine({ row, worst, control }: Seen): boolean {
  return keeps(row, worst) && (control === undefined || !keeps(row, control));
}

function cells({ row, worst, seed, seeds: count, control }: Seen): string[] {
  const { scene, measure, unit, bound, isLeast } = row;
  const figure = (value: number): string =>
    value === Number.POSITIVE_INFINITY ? 'never' : `${Number(value.toPrecision(4))} ${unit}`;
  const without = control === undefined ? '' : `${figure(control)} (${row.control!.what})`;
  return [
    scene,
    measure,
    `${isLeast === true ? '>=' : '<='} ${bound} ${unit}`,
    `${figure(worst)}, seed ${seed} of ${count}`,
    without,
  ];
}

async function write(): Promise<void> {
  const pages = [...new Set(seen.map(({ row }) => row.page))];
  const text = [
    values.full ? '# Measured at scale' : '# Measured',
    '',
    'Every promise about load, as the shipped classes keep it on the virtual clock: the bound, the worst of the seeds, and what the same scene gives without',
    values.full
      ? `what is promised, at the size of a fleet. Made by \`npm run governance -- --full --seeds ${seeds} --write\`; the tests run a [short form](measured.md).`
      : `what is promised. Made by \`npm run governance -- --seeds ${seeds} --write\`; the tests run the same rows with fewer seeds.`,
    ...(values.full
      ? []
      : [
          '`npm run governance -- --full` has rows [at the size of a fleet](measured-at-scale.md), which take minutes.',
        ]),
    '',
  ];
  for (const page of pages) {
    text.push(`## ${page}`, '', `What it does: [${page}](${page}.md)`, '');
    text.push(`| scene | | bound | worst seed | without |`, '|---|---|---|---|---|');
    for (const each of seen) if (each.row.page === page) text.push(`| ${cells(each).join(' | ')} |`);
    text.push('');
  }
  const file = values.full ? 'measured-at-scale.md' : 'measured.md';
  if (values.page === undefined) await writeFile(`${DOCS}${file}`, `${text.join('\n').trimEnd()}\n`);
}

async function draw(): Promise<void> {
  for (const [page, make] of Object.entries(CHARTS)) {
    if (values.page !== undefined && page !== values.page) continue;
    await writeFile(`${DOCS}${page}.svg`, drawChart(await make()));
    console.log(`wrote ${page}.svg`);
  }
}
