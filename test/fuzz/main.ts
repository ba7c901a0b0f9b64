import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CORPUS_FOLDER, readInputs, writeInput } from './corpus.js';
import { execute } from './execute.js';
import { type FuzzProgress, fuzz } from './fuzz.js';
import type { FuzzTarget } from './fuzz-target.js';
import { TARGETS } from './targets/all.js';

// Runs one target in a process of its own; scripts/fuzz.mjs starts it, and says what its arguments mean.
const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    out: { type: 'string' },
    replay: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const target = TARGETS.find(({ name }) => name === values.target)!;
process.exitCode = values.replay === undefined ? await run(target) : await replay(target, values.replay);

async function run(one: FuzzTarget): Promise<number> {
  const out = values.out!;
  mkdirSync(out, { recursive: true });
  const batchFile = join(out, 'batch.json');
  const result = await fuzz(one, {
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    inputs: Number.POSITIVE_INFINITY,
    corpus: [...readInputs(join(CORPUS_FOLDER, one.name)), ...readInputs(join(out, 'corpus'))].map(
      ({ input }) => input,
    ),
    onBatch: (batch) => writeFileSync(batchFile, JSON.stringify(batch.map((input) => input.toString('base64')))),
    onProgress: (progress) => {
      tell(one, progress);
      process.send?.('alive');
    },
    onFinding: (input, what) => {
      const path = writeInput(out, input, 'finding-');
      writeFileSync(`${path}.txt`, `${what}\n`);
      console.log(`FINDING ${one.name}: ${what}\n  npm run fuzz -- --target ${one.name} --replay ${path}`);
    },
  });
  for (const input of result.added) if (values.keep) writeInput(join(out, 'corpus'), input);
  tell(one, result);
  return result.findings > 0 ? 1 : 0;
}

function tell({ name }: FuzzTarget, { inputs, seconds, corpus, coverage, findings }: FuzzProgress): void {
  const rate = Math.round(inputs / Math.max(seconds, 0.001));
  console.log(
    `${name}: ${seconds.toFixed(0)} s, ${inputs} inputs, ${rate}/s, corpus ${corpus}, coverage ${coverage}, findings ${findings}`,
  );
}

async function replay(one: FuzzTarget, path: string): Promise<number> {
  const what = await execute(one, readFileSync(path));
  console.log(what === undefined ? `${one.name}: ${path} is fine` : `FINDING ${one.name}: ${what}`);
  return what === undefined ? 0 : 1;
}
