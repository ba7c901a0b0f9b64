// A program whose server has workers: `program.mjs PORT COUNT OPTIONS`, the JSON of options of `createServer`. Its version is what the file
// VERSION_FILE says. It runs from what was built, for it is started often. `tokens` of the options has who shows which. What it reads are calls
// of its server, one JSON a line: it writes how each ended.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { callContext, createServer, defineService, method } from '@org/rpc';

const [port, count, options] = process.argv.slice(2);
const { tls, tokens, ...rest } = JSON.parse(options);
const version = readFileSync(process.env.VERSION_FILE, 'utf8');
if (version === 'broken') throw new Error('this version does not start');
const authenticate = tokens && ((_peer, token) => tokens[token]);
const server = createServer({ registry: 'local:', ...rest, tls, authenticate, signals: ['SIGTERM', 'SIGINT'] });
const Place = defineService('place', {
  where: method({ idempotent: true }),
  caller: method({ idempotent: true }),
  crash: method(),
  health: method({ idempotent: true }),
});
server.add(Place, {
  async where() {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return `${process.pid} ${version}`;
  },
  caller: () => `${process.pid} ${callContext().peer.identity}`,
  crash: () => process.exit(3),
  health: () => `${process.pid} ${server.state().services.place.health}`,
});
const address = await server.listen({ port: Number(port), host: '127.0.0.1', workers: Number(count) });
if (process.env.RPC_WORKER === undefined) {
  process.stdout.write(`${JSON.stringify(address)}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...given] = JSON.parse(line);
    try {
      await server[name](...given);
      process.stdout.write('done\n');
    } catch (error) {
      process.stdout.write(`${error.message}\n`);
    }
  }
}
