import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SUBJECTS } from './all.js';
import type { Gene } from './gene.js';
import { mutateGene, seedGenes } from './mutate-gene.js';
import { searchCosts } from './search.js';
import type { CostSubject } from './subject.js';

/** So many inputs take a few seconds. The long runs are `npm run fuzz -- --target costs`. */
const INPUTS = 60;
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const NODE = ['--max-old-space-size=256', '--expose-gc', '--import=tsx', '--conditions=@org/source', MAIN];

describe('the search for what costs most', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rpc-costs-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  for (const { name } of SUBJECTS) {
    it(`finds nothing beyond the bounds in ${name}, in a heap of 256 MB`, async function () {
      this.timeout(120_000);
      const target = ['--target', `costs:${name}`, '--seconds', '1000', '--inputs', String(INPUTS), '--seed', '1'];
      const { stdout } = await promisify(execFile)(process.execPath, [...NODE, ...target, '--out', folder]);
      assert.match(stdout, new RegExp(`${INPUTS} inputs, findings 0`));
    });
  }

  for (const { name, table } of SUBJECTS.filter((subject) => subject.table.length > 0)) {
    it(`finds every way into ${name} within the bounds: ${table.length} of them, measured`, async function () {
      this.timeout(300_000);
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

  it('finds a shape that takes too much, by changing what takes little', async function () {
    this.timeout(60_000);
    const findings: string[] = [];
    setFlagsFromString('--expose-gc');
    const scope = globalThis as { gc?: unknown };
    scope.gc = runInNewContext('gc');
    try {
      await searchCosts(planted(), {
        seed: 1,
        seconds: Number.POSITIVE_INFINITY,
        inputs: 300,
        findings: 1,
        onFinding: (_input, what) => void findings.push(what),
      });
    } finally {
      delete scope.gc;
    }
    assert.ok(findings.length > 0);
    assert.match(findings[0]!, /hold \d+ bytes/);
  });
});

/** Takes a buffer of 300 bytes for each set, which none of what it begins with has. */
function planted(): CostSubject<Gene> {
  const kept: Buffer[] = [];
  return {
    name: 'planted',
    sizes: [16_384, 16_384],
    seeds: () => seedGenes().slice(-1),
    mutate: mutateGene,
    table: [],
    render: (gene, bytes) => ({ input: Buffer.from(JSON.stringify(gene)), bytes, messages: 1 }),
    open: () => ({
      take: ({ input }) => {
        if (input.includes('"set"')) kept.push(Buffer.alloc(300 * 16_384));
      },
      counted: () => undefined,
      close: () => void kept.splice(0),
    }),
  };
}
