// A process that registers, watches, waits for its standard input to end, closes, and must then end by itself.
import { systemClock, systemRandom } from '@org/rpc-core';
import { etcd } from '../src/etcd-registry.js';

const handle = etcd({ hosts: process.argv[2] ?? '' }).open({
  namespace: 'test',
  clock: systemClock,
  random: systemRandom,
});
const listed = new Promise<void>((resolve) => {
  handle.watch('greeter', ({ endpoints }) => endpoints.length > 0 && resolve());
});
await handle.register({
  services: ['greeter'],
  endpoint: { id: 'closing', host: 'h1', port: 1, weight: 100, state: 'up' },
}).registered;
await listed;
console.log('ready');
for await (const _ of process.stdin);
await handle.close();
