import assert from 'node:assert/strict';
import { join } from 'node:path';
import { CORPUS_FOLDER, readInputs } from './corpus.js';
import { execute } from './execute.js';
import { fuzz } from './fuzz.js';
import { TARGETS } from './targets/all.js';

/** So many inputs take each target one or two seconds. The long runs are `npm run fuzz`. */
const INPUTS = 300;

describe('fuzzing', () => {
  for (const target of TARGETS) {
    it(`finds nothing in ${target.name} with a few generated inputs`, async () => {
      const findings: string[] = [];
      const { inputs } = await fuzz(target, {
        seed: 1,
        seconds: Number.POSITIVE_INFINITY,
        inputs: INPUTS,
        corpus: [],
        withCoverage: false,
        onFinding: (input, what) => findings.push(`${input.toString('base64')}: ${what}`),
      });
      assert.deepEqual([findings, inputs], [[], INPUTS]);
    });

    it(`finds nothing in ${target.name} with its corpus`, async () => {
      const corpus = readInputs(join(CORPUS_FOLDER, target.name));
      assert.ok(corpus.length > 0);
      for (const { name, input } of corpus) assert.equal(await execute(target, input), undefined, name);
    });
  }

  it('generates the same inputs from the same seed', async () => {
    const run = async (): Promise<string[]> => {
      const seen: string[] = [];
      await fuzz(TARGETS[2]!, {
        seed: 7,
        seconds: Number.POSITIVE_INFINITY,
        inputs: 100,
        corpus: [],
        withCoverage: false,
        onBatch: (batch) => seen.push(...batch.map((input) => input.toString('hex'))),
      });
      return seen;
    };
    assert.deepEqual(await run(), await run());
  });
});
