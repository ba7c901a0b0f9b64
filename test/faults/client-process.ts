// A client that is a process of its own: `client-process.ts OPTIONS CALLS` makes so many calls and tells what became of them, in a
// line of JSON. OPTIONS is the JSON of the options of `etcd`. TROUBLE in its environment is what ails it meanwhile: `jumping`, its wall clock goes
// an hour ahead and back; `holding`, its loop is held for three seconds with calls in flight, three times.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, etcd } from '@org/rpc';
import { jumpClock } from './jump-clock.js';
import { Probe } from './service.js';

const [options = '{}', calls = '0'] = process.argv.slice(2);
const trouble = process.env['TROUBLE'];
const atOnce = trouble === undefined ? 1 : 8;
const rounds = Math.ceil(Number(calls) / atOnce);
const third = Math.ceil(rounds / 3);
const client = createClient({ registry: etcd(JSON.parse(options)) });
await client.ready(Probe);
const { remembered } = client.state().services['probe']!;
const probe = client.service(Probe);
let failed = 0;
for (let round = 0; round < rounds; round++) {
  if (trouble === 'jumping') jumpClock(round >= third && round < 2 * third ? 3_600_000 : 0);
  const answers = Array.from({ length: atOnce }, () => probe.ask(trouble === undefined ? 0 : 20).catch(() => failed++));
  if (trouble === 'holding' && round % third === 0) {
    // The calls are on their way by then, and not answered.
    await sleep(5);
    hold();
  }
  await Promise.all(answers);
}
const { nodes } = client.state().services['probe']!;
// The canary of the rig is drained, and nobody connects to it.
const away = nodes.filter(
  ({ instance, connection }) => !instance.startsWith('canary') && connection !== 'ready',
).length;
await client.close();
process.stdout.write(`${JSON.stringify({ remembered, failed, away })}\n`);

/** Nothing else happens in this process meanwhile. */
function hold(): void {
  const untilMs = performance.now() + 3_000;
  while (performance.now() < untilMs);
}
