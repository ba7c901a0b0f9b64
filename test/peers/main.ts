import { fileURLToPath } from 'node:url';
import { type Answers, theyCall, weCall } from './calls.js';
import { LIBRARIES } from './libraries.js';

/*
 * Other projects' libraries of MessagePack-RPC against this one, in both directions, as a table. They are installed below .cache/peers
 * from the public registries, for which go, cargo, npm and python3 must be there; what cannot be installed is a row that says why:
 *
 *     npm run peers                    # all of them
 *     npm run peers -- rust neovim     # those whose names have one of these words
 */
const folder = fileURLToPath(new URL('../../.cache/peers/', import.meta.url));
const words = process.argv.slice(2);
const rows: string[] = [];
let isBroken = false;

for (const { name, install } of LIBRARIES) {
  if (words.length > 0 && !words.some((word) => name.toLowerCase().includes(word))) continue;
  console.error(`${name} ...`);
  try {
    const command = await install(folder);
    report(name, 'calls us', await theyCall(command));
    report(name, 'is called', await weCall(command));
  } catch (error) {
    rows.push(`| ${name} | | | ${(error as Error).message.replaceAll('|', '\\|')} |`);
  }
}
console.log('| library | | ok | otherwise |\n|---|---|---|---|');
for (const row of rows) console.log(row);
process.exitCode = isBroken ? 1 : 0;

function report(name: string, direction: string, answers: Answers): void {
  const cases = [...answers].filter(([each]) => each !== 'first id');
  const fine = cases.filter(([, answer]) => answer === 'ok').map(([each]) => each);
  const other = cases
    .filter(([, answer]) => answer !== 'ok')
    .map(([each, answer]) => `${each}: ${answer.slice(0, 100)}`);
  const firstId = answers.get('first id');
  if (firstId !== undefined) fine.push(`ids from ${firstId}`);
  // Whatever a library cannot do, plain calls work, and go on working after what does not.
  if (answers.get('call') !== 'ok' || answers.get('still there') !== 'ok') isBroken = true;
  rows.push(`| ${name} | ${direction} | ${fine.join(', ')} | ${other.join('; ').replaceAll('|', '\\|')} |`);
}
