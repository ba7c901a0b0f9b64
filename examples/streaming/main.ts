import { createClient, createServer, direct } from '@org/rpc';
import { Readings } from './readings.js';

const server = createServer({ registry: 'direct://127.0.0.1:1' }).add(Readings, {
  async *latest(count) {
    for (let i = 0; i < count; i++) yield 20 + i;
  },
  async record(values, place) {
    let count = 0;
    for await (const _ of values) count++;
    return `${count} readings from the ${place}`;
  },
  async *smooth(values) {
    let mean: number | undefined;
    for await (const value of values) {
      mean = mean === undefined ? value : (mean + value) / 2;
      yield mean;
    }
  },
});
const { port } = await server.listen();
const client = createClient({ registry: direct([`127.0.0.1:${port}`]) });
const readings = client.service(Readings);

// Leaving the loop stops the server's generator.
for await (const value of readings.latest(1_000_000)) {
  console.log(`reading ${value}`);
  if (value === 22) break;
}
console.log(await readings.record([19, 20, 21], 'shed'));
for await (const mean of readings.smooth([10, 20, 40])) console.log(`mean ${mean}`);

await client.close();
await server.close({ drainMs: 0 });
