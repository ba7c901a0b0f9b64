// A process that never closes its client: what it was told to do, it does, and then it ends.
import { createClient, defineService, method, stream } from '@org/rpc';

const Slow = defineService('slow', {
  echo: method<(text: string, afterMs: number) => string>({ timeoutMs: 20_000 }),
  ticks: stream<(count: number, everyMs: number) => AsyncIterable<number>>(),
});

const [task, registry] = process.argv.slice(2);
const client = createClient({ registry: registry! });
const slow = client.service(Slow);

if (task === 'ready') await client.ready(Slow);
if (task === 'call') console.log(await slow.echo('answered', 700));
if (task === 'stream') for await (const tick of slow.ticks(3, 300)) console.log(tick);
console.log('end');
