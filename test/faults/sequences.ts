// npm run faults:sequences: random sequences of faults of etcd, after each of which servers and clients must agree with it within
// 2 s of its answering. --count N (100), --seed N of the first (1), --steps N (6), --at-once N (1), --bound MS (2,000). Every
// fourth is on a cluster of three. Ends with code 1 when one failed; on a busy machine the bound tells of that machine.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { runFaultSequence } from '../../packages/registry-etcd/test/fault-sequence.js';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '6' },
    'at-once': { type: 'string', default: '1' },
    bound: { type: 'string', default: '2000' },
  },
});
const CLUSTER_EVERY = 4;
const first = numberOf('seed', 0, 2 ** 31);
const seeds = Array.from({ length: numberOf('count', 1, 100_000) }, (_, index) => first + index);
const [steps, boundMs] = [numberOf('steps', 1, 1_000), numberOf('bound', 1, 600_000)];
const count = seeds.length;
const took: number[] = [];
let failed = 0;

await Promise.all(Array.from({ length: numberOf('at-once', 1, 100) }, runAll));
took.sort((a, b) => a - b);
const at = (share: number): string => `${(took[Math.floor(share * (took.length - 1))] ?? 0).toFixed(0)} ms`;
console.log(
  `${count - failed} of ${count} sequences agreed, ${took.length} faults: p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}`,
);
process.exitCode = failed > 0 ? 1 : 0;

async function runAll(): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const isCluster = seed % CLUSTER_EVERY === 0;
    try {
      const times = await runFaultSequence({ seed, steps, isCluster, boundMs });
      took.push(...times);
      console.log(
        `ok   seed ${seed}${isCluster ? ', cluster' : ''}: at most ${Math.max(...times).toFixed(0)} ms; load ${loadavg()[0]!.toFixed(1)}`,
      );
    } catch (error) {
      failed++;
      console.log(`FAIL ${(error as Error).message}; load ${loadavg()[0]!.toFixed(1)}`);
    }
  }
}

function numberOf(name: keyof typeof values, min: number, max: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new TypeError(`--${name} must be ${min} to ${max}, not ${values[name]}`);
}
