// The server of the scene of floods, in a process of its own: `memory-server.mjs OPTIONS`, the JSON of options of `createServer`. It runs what
// was built, so that its memory is that of the library. Writes its port.
import { callContext, createServer, defineService, memory, method, notify, stream } from '@org/rpc';

const Flooded = defineService('work', {
  echo: method({ idempotent: true }),
  compute: method(),
  hang: method(),
  large: method(),
  tell: notify(),
  items: stream(),
});
const LARGE = new Uint8Array(64 * 1024);
const untilAborted = () => {
  const { signal } = callContext();
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
};
const server = createServer({ registry: memory(), ...JSON.parse(process.argv[2] ?? '{}') });
server.add(Flooded, {
  echo: (value) => value,
  compute(ms) {
    const until = performance.now() + ms;
    while (performance.now() < until);
    return ms;
  },
  hang: untilAborted,
  large: () => LARGE,
  tell: () => {},
  items: () => ({ [Symbol.asyncIterator]: () => ({ next: untilAborted }) }),
});
for (const event of ['handlerError', 'acceptError']) server.on(event, () => {});
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${port}\n`);
process.on('disconnect', () => process.exit());
