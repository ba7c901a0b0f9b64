// A program whose server has workers: `program.mjs PORT COUNT OPTIONS`, the JSON of options of `createServer`. Its version is what the file
// VERSION_FILE says. It runs from what was built, for it is started often.
import { readFileSync } from 'node:fs';
import { createServer, defineService, method } from '@org/rpc';

const [port, count, options] = process.argv.slice(2);
const { tls, ...rest } = JSON.parse(options);
const version = readFileSync(process.env.VERSION_FILE, 'utf8');
if (version === 'broken') throw new Error('this version does not start');
const server = createServer({ registry: 'local:', ...rest, tls, signals: ['SIGTERM', 'SIGINT'] });
server.add(defineService('place', { where: method({ idempotent: true }), crash: method() }), {
  async where() {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return `${process.pid} ${version}`;
  },
  crash: () => process.exit(3),
});
const address = await server.listen({ port: Number(port), host: '127.0.0.1', workers: Number(count) });
if (process.env.RPC_WORKER === undefined) process.stdout.write(`${JSON.stringify(address)}\n`);
