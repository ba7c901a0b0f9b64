import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SUBJECTS } from './all.js';

/** So many inputs take a few seconds. The long runs are `npm run fuzz -- --target costs`. */
const INPUTS = 30;
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const PLANTED = fileURLToPath(new URL('./planted-main.ts', import.meta.url));
const NODE = ['--max-old-space-size=256', '--expose-gc', '--import=tsx', '--conditions=@org/source', MAIN];

describe('the search for what costs most', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rpc-costs-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  for (const { name } of SUBJECTS) {
    it(`finds nothing beyond the bounds in ${name}, in a heap of 256 MB`, async function () {
      this.timeout(600_000);
      const target = ['--target', `costs:${name}`, '--seconds', '1000', '--inputs', String(INPUTS), '--seed', '1'];
      const { stdout } = await promisify(execFile)(process.execPath, [...NODE, ...target, '--out', folder]);
      assert.match(stdout, new RegExp(`${INPUTS} inputs, findings 0`));
    });
  }

  for (const { name, table } of SUBJECTS.filter((subject) => subject.table.length > 0)) {
    it(`finds every way into ${name} within the bounds: ${table.length} of them, measured`, async function () {
      this.timeout(600_000);
      const { stdout } = await promisify(execFile)(process.execPath, [...NODE, '--target', `costs:${name}`, '--table']);
      const rows = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { name: string; isTooMuch: boolean });
      assert.equal(rows.length, table.length);
      assert.deepEqual(
        rows.filter((row) => row.isTooMuch),
        [],
      );
    });
  }

  // In a process of its own, as the others: each input costs a few full collections, and the heap of all tests is large.
  it('finds a shape that takes too much, by changing what takes little', async function () {
    this.timeout(120_000);
    const { stdout } = await promisify(execFile)(process.execPath, [...NODE.slice(0, -1), PLANTED]);
    assert.match(stdout, /hold \d+ bytes/);
  });
});
