// npm run overload: real server processes that are asked for more than they can do, with what they do against it and without. Prints what
// became of the calls; ends with code 1 when a bound does not hold.
import { parseArgs } from 'node:util';
import { connectTo, offer, startScene } from './scene.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, 'work-ms': { type: 'string', default: '20' } },
});
const workMs = Number(values['work-ms']);
const capacity = 1_000 / workMs;
const overMs = Number(values.seconds) * 1_000;

for (const options of [{}, { overload: false }]) {
  await using scene = await startScene(options);
  await using client = connectTo(scene.port);
  const phases = [
    { name: 'at half', perSecond: capacity / 2, forMs: 2_000 },
    { name: 'at twice', perSecond: 2 * capacity, forMs: overMs },
    { name: 'the two seconds after', perSecond: 0.8 * capacity, forMs: 2_000 },
    { name: 'from then on', perSecond: 0.8 * capacity, forMs: 5_000 },
  ];
  const results = await offer(client, workMs, 1_000, phases);
  console.log(
    `${JSON.stringify(options)}: handlers of ${workMs} ms, ${capacity} a second at most; ${await scene.ran()} ran`,
  );
  for (const [index, { name, forMs }] of phases.entries()) {
    const { offered, good } = results[index]!;
    console.log(`  ${name}: ${good} of ${offered} in time, ${((good * 1_000) / forMs).toFixed(1)} a second`);
  }
  if ('overload' in options) continue;
  const [, during, , after] = results;
  const holds = during!.good >= (0.9 * capacity * overMs) / 1_000 && after!.good >= 0.95 * after!.offered;
  if (!holds) process.exitCode = 1;
}
