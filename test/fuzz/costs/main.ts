import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeInput } from '../corpus.js';
import { SUBJECTS } from './all.js';
import { describe, type SearchProgress, searchCosts } from './search.js';
import type { CostSubject } from './subject.js';
import { isTooMuch, weigh, weighAgain } from './weigh.js';

// Looks for the costliest inputs of one subject, in a process of its own with a small heap; scripts/fuzz.mjs starts it.
const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string' },
    inputs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string' },
    out: { type: 'string' },
    replay: { type: 'string' },
    keep: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
  },
});
const subject = SUBJECTS.find(({ name }) => `costs:${name}` === values.target)!;
if (values.table) await printTable(subject);
else process.exitCode = values.replay === undefined ? await run(subject) : await replay(subject, values.replay);

async function run(one: CostSubject): Promise<number> {
  const out = values.out!;
  mkdirSync(out, { recursive: true });
  const result = await searchCosts(one, {
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    inputs: Number(values.inputs),
    onInput: (input) => writeFileSync(join(out, 'batch.json'), JSON.stringify([input.toString('base64')])),
    onProgress: (progress) => {
      tell(progress);
      process.send?.('alive');
    },
    onFinding: (input, what) => {
      const path = writeInput(out, input, 'finding-');
      console.log(`FINDING ${values.target}: ${what}\n  npm run fuzz -- --target ${values.target} --replay ${path}`);
    },
  });
  tell(result);
  for (const [cost, costly] of Object.entries(result.worst)) {
    if (costly === undefined) continue;
    const path = writeInput(out, costly.message.input, `worst-${cost}-`);
    console.log(`  ${cost}: ${describe(costly.weight, costly.message)}\n    ${formOf(costly.form)}\n    ${path}`);
  }
  return result.findings > 0 ? 1 : 0;
}

function tell({ inputs, seconds, findings, worst }: SearchProgress): void {
  const share = (cost: keyof SearchProgress['worst']): string =>
    `${((worst[cost]?.weight[cost] ?? 0) * 100).toFixed(0)} %`;
  console.log(
    `${values.target}: ${seconds.toFixed(0)} s, ${inputs} inputs, findings ${findings}; of what is allowed: memory ${share('memory')}, memory against what is counted ${share('counted')}, time ${share('cpu')}`,
  );
}

function formOf(form: unknown): string {
  const text = JSON.stringify(form, (_key, value: unknown) =>
    (value as { type?: unknown } | null)?.type === 'Buffer'
      ? Buffer.from((value as { data: number[] }).data).toString('hex')
      : value,
  );
  return text.slice(0, 300);
}

/** A line of JSON for each way into the subject. */
async function printTable(one: CostSubject): Promise<void> {
  for (const { name, form } of one.table) {
    const message = one.render(form, one.sizes[0]);
    let weight = await weigh(one, message);
    if (isTooMuch(weight)) weight = await weighAgain(one, message, weight, 6);
    console.log(JSON.stringify({ name, isTooMuch: isTooMuch(weight), what: describe(weight, message) }));
  }
}

async function replay(one: CostSubject, path: string): Promise<number> {
  const input = readFileSync(path);
  const message = { input, bytes: input.length, messages: 1, inflates: true };
  const weight = await weighAgain(one, message, await weigh(one, message), 6);
  console.log(`${isTooMuch(weight) ? 'FINDING ' : ''}${values.target}: ${describe(weight, message)}`);
  return isTooMuch(weight) ? 1 : 0;
}
