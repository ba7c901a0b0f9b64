import { setTimeout as sleep } from 'node:timers/promises';
import { callContext, createServer, defineService, method, RpcError } from '@org/rpc';

/** A service as docs/deploying.md has it, in a process of its own: `service-process.ts NAME`. It says on which port its probes are. */
const [name = ''] = process.argv.slice(2);
const Service = defineService(name, { find: method<(id: string) => string>({ idempotent: true }) });

const server = createServer({ signals: ['SIGTERM', 'SIGINT'], admin: { port: 0 } });
server.on('handlerError', () => {});
server.add(Service, {
  async find(id) {
    if (id === 'missing') throw new RpcError('NOT_FOUND', `there is no "${id}" in ${name}`);
    if (id === 'bug') throw new Error('a secret of this service');
    if (id === 'busy') throw new RpcError('RESOURCE_EXHAUSTED', 'too many', { retryAfterMs: 2_500 });
    if (id === 'never') await sleep(60_000, undefined, { signal: callContext()?.signal });
    if (id === 'slow') await sleep(800);
    return `${name} ${id} of ${server.instance}`;
  },
});
await server.listen({ host: '127.0.0.1' });
process.stdout.write(`${server.state().admin?.port}\n`);
