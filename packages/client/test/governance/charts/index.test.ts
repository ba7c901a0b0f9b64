import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { drawChart } from '../chart.js';
import { CHARTS } from './index.js';

const DOCS = new URL('../../../../../docs/governance/', import.meta.url);
describe('the charts of the pages of policies', () => {
  it('are what the command makes', async () => {
    const made = drawChart(await CHARTS['subset']!());
    assert.equal(readFileSync(new URL('subset.svg', DOCS), 'utf8'), made, 'npm run governance -- --charts');
  });
});
