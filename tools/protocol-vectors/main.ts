import { readFileSync, writeFileSync } from 'node:fs';
import { DATA_FILE, PAGE } from './files.js';
import { type PageVectors, renderVectors } from './render.js';

/*
 * Says whether docs/protocol.md shows the vectors of the data file as they are, and with `--write` makes it so:
 *
 *     npx tsx tools/protocol-vectors/main.ts --write
 */
const page = readFileSync(PAGE, 'utf8');
const rendered = renderVectors(page, JSON.parse(readFileSync(DATA_FILE, 'utf8')) as PageVectors);
if (process.argv.includes('--write')) writeFileSync(PAGE, rendered);
else if (page !== rendered) {
  console.error('docs/protocol.md is not up to date: run this again with --write');
  process.exitCode = 1;
}
