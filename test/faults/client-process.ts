// A client that is a process of its own: `client-process.ts OPTIONS CALLS` makes so many calls and tells what became of them, in a
// line of JSON. OPTIONS is the JSON of the options of `etcd`. TROUBLE in its environment is what ails it meanwhile: `jumping`, its wall clock goes
// an hour ahead and back; `holding`, its loop is held for three seconds with calls in flight, three times; `hoarding`, it has
// no descriptor left for the middle third of its calls, and a client that it makes then cannot connect; `sleeping`, somebody
// stops it, and says `calling` before.
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, direct, etcd } from '@org/rpc';
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
if (trouble === 'sleeping') process.stdout.write('calling\n');
const hoarded: number[] = [];
let refusal = '';
let failed = 0;
for (let round = 0; round < rounds; round++) {
  if (trouble === 'hoarding' && round === third) refusal = await hoard();
  if (trouble === 'hoarding' && round === 2 * third) for (const descriptor of hoarded.splice(0)) closeSync(descriptor);
  if (trouble === 'jumping') jumpClock(round >= third && round < 2 * third ? 3_600_000 : 0);
  const answers = Array.from({ length: atOnce }, () => probe.ask(trouble === undefined ? 0 : 20).catch(() => failed++));
  if (trouble === 'holding' && round % third === 0) {
    // The calls are on their way by then, and not answered.
    await sleep(5);
    hold();
  }
  await Promise.all(answers);
}
const isCutOff = trouble === 'hoarding' || trouble === 'sleeping';
// A server that could not be reached is tried again after some seconds.
for (let tries = 0; isCutOff && tries < 200 && countAway() > 0; tries++) await sleep(50);
const away = countAway();
await client.close();
process.stdout.write(`${JSON.stringify({ remembered, failed, away, refusal })}\n`);

/** How many servers there is no connection to. The canary of the rig is drained, and nobody connects to it. */
function countAway(): number {
  const { nodes } = client.state().services['probe']!;
  return nodes.filter(({ instance, connection }) => !instance.startsWith('canary') && connection !== 'ready').length;
}

/** Takes every descriptor that there is. @returns what a client is told that connects then */
async function hoard(): Promise<string> {
  const { endpoint } = client.state().services['probe']!.nodes.find(({ connection }) => connection === 'ready')!;
  try {
    for (;;) hoarded.push(openSync('/dev/null', 'r'));
  } catch {
    process.stdout.write('hoarded\n');
  }
  const late = createClient({ registry: direct([endpoint]) });
  const error = await late
    .service(Probe)
    .with({ timeoutMs: 1_000 })
    .ask(0)
    .catch((error: Error) => error);
  await late.close();
  return String(error);
}

/** Nothing else happens in this process meanwhile. */
function hold(): void {
  const untilMs = performance.now() + 3_000;
  while (performance.now() < untilMs);
}
