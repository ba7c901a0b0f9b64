// A server. `main.ts` starts several of these, each in a process of its own.
import { createServer } from '@org/rpc';
import { Calculator } from './calculator.js';
import { followStage, tellStage } from './stage/messages.js';

// RPC_REGISTRY and RPC_NAMESPACE, which main.ts has set, say where to register.
const server = createServer({ signals: ['SIGTERM'] });

server.add(Calculator, {
  sum: (x, y) => x + y,
});

// Apart from listen(), what follows is for the demo alone: main.ts shows it.
followStage();
server.on('registry', ({ message }) => tellStage({ kind: 'registry', message }));
server.on('draining', () => tellStage({ kind: 'draining' }));

const { host, port } = await server.listen({ host: '127.0.0.1' });
tellStage({ kind: 'listening', address: `${host}:${port}`, at: Date.now() });

await server.registered;
tellStage({ kind: 'registered' });
