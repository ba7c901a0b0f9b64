import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readRules } from '@org/rpc-core/internal';
import { drawChart } from '../chart.js';
import { CHARTS } from './index.js';

const DOCS = new URL('../../../../../docs/governance/', import.meta.url);
/** Pages that are tables of what was measured, or lead to the others. */
const WITHOUT = ['README', 'measured', 'measured-at-scale', 'nodes'];

describe('the charts of the pages of policies', () => {
  it('are there for each page, and shown by it', () => {
    const files = readdirSync(DOCS);
    const pages = files.filter((file) => file.endsWith('.md')).map((file) => file.slice(0, -'.md'.length));
    const policies = pages.filter((page) => !WITHOUT.includes(page)).sort();
    assert.deepEqual(Object.keys(CHARTS).sort(), policies);
    assert.deepEqual(
      files.filter((file) => file.endsWith('.svg')).sort(),
      policies.map((page) => `${page}.svg`).sort(),
    );
    for (const page of policies)
      assert.match(
        readFileSync(new URL(`${page}.md`, DOCS), 'utf8'),
        new RegExp(`!\\[.{20,}\\]\\(${page}\\.svg\\)`),
        page,
      );
  });

  it('stand beside rules that are valid', () => {
    let found = 0;
    for (const file of readdirSync(DOCS)) {
      const page = file.endsWith('.md') ? readFileSync(new URL(file, DOCS), 'utf8') : '';
      for (const [, json] of page.matchAll(/```json\n(\{[\s\S]*?)```/g)) {
        const document = JSON.parse(json!) as object;
        if (!('schemaVersion' in document)) continue;
        readRules({ ...document, version: 1 }, file);
        found++;
      }
    }
    assert.ok(found >= 10, `${found} rules`);
  });

  it('are what the command makes', async () => {
    const made = drawChart(await CHARTS['subset']!());
    assert.equal(readFileSync(new URL('subset.svg', DOCS), 'utf8'), made, 'npm run governance -- --charts');
  });
});
