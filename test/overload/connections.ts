// npm run overload:connections: what a flood of new connections does to the answers of those who are there, with the bound on it and without,
// in plaintext and over TLS. Ends with code 1 when their 99th percentile is beyond three times what it was.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Client } from '@org/rpc';
import { TestAuthority } from '../../packages/wire/test/certificates.js';
import { pinCores } from './pins.js';
import { connectTo, startScene } from './scene.js';
import { Work } from './service.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    'per-second': { type: 'string', default: '3000' },
    only: { type: 'string' },
  },
});
const ways = values.only === undefined ? ['tcp', 'tls'] : [values.only];
const FLOOD = fileURLToPath(new URL('./flood-process.ts', import.meta.url));
const pins = pinCores();
console.log(pins.text);
const authority = new TestAuthority();
const { key, cert } = authority.issue();

/** What became of the calls of a phase. */
interface Measured {
  /** The 99th percentile, in milliseconds. */
  readonly p99: number;
  /** The same without the time for which client or server were ready to run and the machine ran others. */
  readonly ownP99: number;
  readonly failed: number;
}

/** For how long these processes have been ready to run and had no core, in milliseconds (Linux; 0 elsewhere). */
function heldUpMs(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    const file = `/proc/${pid}/schedstat`;
    if (existsSync(file)) sum += Number(readFileSync(file, 'latin1').split(' ')[1]) / 1_000_000;
  }
  return sum;
}

const percentile99 = (times: number[]): number =>
  times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN;

/** Calls 200 times a second for so long. */
async function measure(client: Client, pid: number, forMs: number): Promise<Measured> {
  const pids = [pid, process.pid];
  const work = client.service(Work);
  const times: number[] = [];
  const own: number[] = [];
  let failed = 0;
  const open: Promise<void>[] = [];
  const beganAt = performance.now();
  for (let now = 0; now < forMs; now = performance.now() - beganAt) {
    while (open.length < now / 5) {
      const sentAt = performance.now();
      const heldUp = heldUpMs(pids);
      open.push(
        work.ran().then(
          () => {
            const ms = performance.now() - sentAt;
            times.push(ms);
            own.push(Math.max(0, ms - (heldUpMs(pids) - heldUp)));
          },
          () => void failed++,
        ),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(open);
  return { p99: percentile99(times), ownP99: percentile99(own), failed };
}

for (const how of ways)
  for (const limits of [{}, { connectionsPerSecond: 1_000_000 }]) {
    await using scene = await startScene(
      { limits, ...(how === 'tls' ? { tls: { key, cert } } : {}) },
      how === 'tls' ? authority.ca : undefined,
      pins.server,
    );
    await using client = connectTo(scene.port, how === 'tls' ? { tls: { ca: authority.ca } } : {});
    await client.ready(Work);
    await measure(client, scene.pid, 1_000);
    const before = await measure(client, scene.pid, Number(values.seconds) * 1_000);
    const words = [
      'nice',
      '-n',
      '19',
      process.execPath,
      '--import=tsx',
      FLOOD,
      String(scene.port),
      values['per-second'],
      how,
    ];
    const [command = '', ...rest] = [...pins.others, ...words];
    const flood = spawn(command, rest, { stdio: 'ignore' });
    await measure(client, scene.pid, 2_000);
    const work = client.service(Work).with({ timeoutMs: 30_000 });
    const [from, fromAt] = [await work.spent(), performance.now()];
    const during = await measure(client, scene.pid, Number(values.seconds) * 1_000);
    const [to, seconds] = [await work.spent(), (performance.now() - fromAt) / 1_000];
    flood.kill('SIGKILL');
    const times = during.ownP99 / before.ownP99;
    console.log(
      `${how} ${JSON.stringify(limits)}: 99th percentile ${before.ownP99.toFixed(2)} ms, ${during.ownP99.toFixed(2)} ms in the flood (${times.toFixed(1)} times; with the time for which the machine ran others ${before.p99.toFixed(2)} and ${during.p99.toFixed(2)} ms), ${during.failed} failed; ${((to.connections - from.connections) / seconds).toFixed(0)} connections and ${((to.cpuMs - from.cpuMs) / seconds).toFixed(0)} ms of CPU time a second`,
    );
    if (!('connectionsPerSecond' in limits) && (times > 3 || during.failed > 0)) process.exitCode = 1;
  }
