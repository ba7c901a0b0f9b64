// npm run overload:memory: a server process of 128 MB meets each kind of hostile peer, and ten times the calls that it can do, while ten good
// clients call. Ends with code 1 when the process dies or grows beyond that, or a good client gets less than 95 % of what it got before.
// --seconds N of each (60; 600 for ten minutes), --only KIND (several times), --mb N. Says every ten seconds how far it is, and how all of it went in the end.
import { parseArgs } from 'node:util';
import { HOSTILE } from './hostile.js';
import { type MemoryOutcome, meet, OVERLOAD } from './memory-scene.js';
import { pinCores } from './pins.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string', multiple: true },
    mb: { type: 'string', default: '128' },
  },
});
const kinds = values.only ?? [...Object.keys(HOSTILE), OVERLOAD];
const pins = pinCores();
const outcomes: MemoryOutcome[] = [];
console.log(`${kinds.length} floods of ${values.seconds} s each; ${pins.text}`);
for (const kind of kinds) {
  const title = HOSTILE[kind]?.title ?? 'ten times the calls that can be done';
  console.log(`...  ${kind}: ${title}`);
  const options = { seconds: Number(values.seconds), megabytes: Number(values.mb), pins };
  const outcome = await meet(kind, { ...options, told: (progress) => console.log(`     ${kind}: ${progress}`) });
  outcomes.push(outcome);
  console.log(lineOf(outcome));
}
const broken = outcomes.filter(({ problems }) => problems.length > 0);
console.log(`\n${outcomes.map(lineOf).join('\n')}`);
console.log(`${outcomes.length - broken.length} of ${outcomes.length} floods met`);
process.exitCode = broken.length > 0 ? 1 : 0;

function lineOf(outcome: MemoryOutcome): string {
  const { kind, good, goodBefore, p99, p99Before, peakMb, isHeld, failures, problems } = outcome;
  const held = isHeld ? '' : ', which nobody held it to';
  const failed = Object.keys(failures).length > 0 ? `; failed ${JSON.stringify(failures)}` : '';
  const why = problems.length > 0 ? `: ${problems.join('; ')}` : '';
  return `${problems.length === 0 ? 'ok  ' : 'FAIL'} ${kind}: ${good} % of good calls in time (${goodBefore} before), 99th percentile ${p99} ms (${p99Before}), at most ${peakMb} MiB${held}${failed}${why}`;
}
