// A process that registers, watches, waits for its standard input to end, closes, and must then end by itself.
import { systemClock, systemRandom } from '@org/rpc-core';
import { etcd } from '../src/etcd-registry.js';
import { instance } from './world.js';

const handle = etcd({ hosts: process.argv[2] ?? '' }).open({
  namespace: 'test',
  clock: systemClock,
  random: systemRandom,
});
const listed = new Promise<void>((resolve) => {
  handle.watch('greeter', ({ endpoints }) => endpoints.length > 0 && resolve());
});
await handle.register(instance('closing')).registered;
await listed;
console.log('ready');
for await (const _ of process.stdin);
await handle.close();
