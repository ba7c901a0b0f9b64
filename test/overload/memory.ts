// npm run overload:memory: a server process of 128 MB meets each kind of hostile peer, and ten times the calls that it can do, while ten good
// clients call. Ends with code 1 when the process dies or grows beyond that, or a good client gets less than 95 % of what it got before.
// --seconds N of each (60), --only KIND (several times), --mb N.
import { parseArgs } from 'node:util';
import { HOSTILE } from './hostile.js';
import { type MemoryOutcome, meet, OVERLOAD } from './memory-scene.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string', multiple: true },
    mb: { type: 'string', default: '128' },
  },
});
const kinds = values.only ?? [...Object.keys(HOSTILE), OVERLOAD];
const outcomes: MemoryOutcome[] = [];
for (const kind of kinds) {
  const outcome = await meet(kind, { seconds: Number(values.seconds), megabytes: Number(values.mb) });
  outcomes.push(outcome);
  console.log(`${outcome.problems.length === 0 ? 'ok  ' : 'FAIL'} ${JSON.stringify(outcome)}`);
}
process.exitCode = outcomes.some(({ problems }) => problems.length > 0) ? 1 : 0;
