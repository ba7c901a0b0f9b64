// npm run overload:connections: what a flood of new connections does to the answers of those who are there, with the bound on it and without,
// in plaintext and over TLS. Ends with code 1 when their 99th percentile is beyond three times what it was.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Client } from '@org/rpc';
import { TestAuthority } from '../../packages/wire/test/certificates.js';
import { connectTo, startScene } from './scene.js';
import { Work } from './service.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, 'per-second': { type: 'string', default: '3000' } },
});
const FLOOD = fileURLToPath(new URL('./flood-process.ts', import.meta.url));
const authority = new TestAuthority();
const { key, cert } = authority.issue();

/** Calls 200 times a second for so long. @returns the 99th percentile in milliseconds, and how many failed */
async function measure(client: Client, forMs: number): Promise<{ p99: number; failed: number }> {
  const work = client.service(Work);
  const times: number[] = [];
  let failed = 0;
  const open: Promise<void>[] = [];
  const beganAt = performance.now();
  for (let now = 0; now < forMs; now = performance.now() - beganAt) {
    while (open.length < now / 5) {
      const sentAt = performance.now();
      open.push(
        work.ran().then(
          () => void times.push(performance.now() - sentAt),
          () => void failed++,
        ),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(open);
  times.sort((a, b) => a - b);
  return { p99: times[Math.floor(times.length * 0.99)] ?? Number.NaN, failed };
}

for (const how of ['tcp', 'tls'])
  for (const limits of [{}, { connectionsPerSecond: 1_000_000 }]) {
    await using scene = await startScene(
      { limits, ...(how === 'tls' ? { tls: { key, cert } } : {}) },
      how === 'tls' ? authority.ca : undefined,
    );
    await using client = connectTo(scene.port, how === 'tls' ? { tls: { ca: authority.ca } } : {});
    await client.ready(Work);
    await measure(client, 1_000);
    const before = await measure(client, Number(values.seconds) * 1_000);
    const flood = spawn(process.execPath, ['--import=tsx', FLOOD, String(scene.port), values['per-second'], how], {
      stdio: 'ignore',
    });
    await measure(client, 2_000);
    const work = client.service(Work).with({ timeoutMs: 30_000 });
    const [from, fromAt] = [await work.spent(), performance.now()];
    const during = await measure(client, Number(values.seconds) * 1_000);
    const [to, seconds] = [await work.spent(), (performance.now() - fromAt) / 1_000];
    flood.kill('SIGKILL');
    const times = during.p99 / before.p99;
    console.log(
      `${how} ${JSON.stringify(limits)}: 99th percentile ${before.p99.toFixed(2)} ms, ${during.p99.toFixed(2)} ms in the flood (${times.toFixed(1)} times), ${during.failed} failed; ${((to.connections - from.connections) / seconds).toFixed(0)} connections and ${((to.cpuMs - from.cpuMs) / seconds).toFixed(0)} ms of CPU time a second`,
    );
    if (!('connectionsPerSecond' in limits) && (times > 3 || during.failed > 0)) process.exitCode = 1;
  }
