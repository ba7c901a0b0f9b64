// npm run soak:registry: whether clients hear of every change soon, without a list or a connection more than there should be, and
// whether a deploy at the end costs a call. --minutes N (30), --clients N (8), --services N (10), --changes N (10,000), --seed N.
// Ends with code 1 when a promise was broken.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import '../own-cache.js';
import { problemsOf, runSoak, type SoakResult } from './soak.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    clients: { type: 'string', default: '8' },
    services: { type: 'string', default: '10' },
    changes: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  },
});
const result = await runSoak({
  minutes: numberOf('minutes', 0.1, 10_000),
  clients: numberOf('clients', 1, 100),
  services: numberOf('services', 1, 100),
  changes: numberOf('changes', 1, 10_000_000),
  seed: numberOf('seed', 0, 2 ** 32 - 1),
  restSeconds: 10,
  progress: (line) => console.log(`${new Date().toISOString()} load ${loadavg()[0]!.toFixed(1)}; ${line}`),
});
print(result);
const problems = problemsOf(result);
for (const problem of problems) console.log(`FAIL ${problem}`);
if (problems.length === 0) console.log('ok   every promise was kept');
process.exitCode = problems.length > 0 ? 1 : 0;

function numberOf(name: keyof typeof values, min: number, max: number): number {
  const value = Number(values[name]);
  if (value >= min && value <= max) return value;
  throw new TypeError(`--${name} must be ${min} to ${max}, not ${values[name]}`);
}

function print({ changes, delaysMs, ownDelaysMs, longestStallMs, lists, extraConnections, calls }: SoakResult): void {
  console.log(`changes      ${changes}, told ${delaysMs.length} times`);
  console.log(`heard after  ${quantiles(delaysMs)}`);
  console.log(
    `  without what this process stood still (at most ${longestStallMs.toFixed(0)} ms): ${quantiles(ownDelaysMs)}`,
  );
  console.log(`lists        ${lists}`);
  console.log(`connections  ${extraConnections} more than one for each client`);
  console.log(`calls        ${calls.made}, ${calls.failures.length} failed, longest ${calls.longestMs.toFixed(0)} ms`);
}

function quantiles(ordered: readonly number[]): string {
  const at = (share: number): string => (ordered[Math.floor(share * (ordered.length - 1))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms, longest ${at(1)} ms`;
}
