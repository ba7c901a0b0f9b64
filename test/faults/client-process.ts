// A client that is a process of its own: `client-process.ts OPTIONS CALLS` makes so many calls and tells what became of them, in a
// line of JSON. OPTIONS is the JSON of the options of `etcd`.
import { createClient, etcd } from '@org/rpc';
import { Probe } from './service.js';

const [options = '{}', calls = '0'] = process.argv.slice(2);
const client = createClient({ registry: etcd(JSON.parse(options)) });
await client.ready(Probe);
const { remembered } = client.state().services['probe']!;
let failed = 0;
for (let made = 0; made < Number(calls); made++) {
  await client
    .service(Probe)
    .ask(0)
    .catch(() => failed++);
}
await client.close();
process.stdout.write(`${JSON.stringify({ remembered, failed })}\n`);
