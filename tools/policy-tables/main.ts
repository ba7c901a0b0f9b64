import { readFileSync, writeFileSync } from 'node:fs';
import { PAGES, renderTables } from './render.js';

/*
 * Says whether the pages show the policies as their descriptions are, and with `--write` makes it so:
 *
 *     npx tsx tools/policy-tables/main.ts --write
 */
for (const [name, path] of Object.entries(PAGES)) {
  const page = readFileSync(path, 'utf8');
  const rendered = renderTables(name as keyof typeof PAGES, page);
  if (process.argv.includes('--write')) writeFileSync(path, rendered);
  else if (page !== rendered) {
    console.error(`${path} is not up to date: run this again with --write`);
    process.exitCode = 1;
  }
}
