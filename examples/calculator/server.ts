import { createServer, RpcError } from '@org/rpc';
import { Calculator } from './calculator.js';

// Without the option `registry` it registers where RPC_REGISTRY says, else in `local:`, which needs nothing to be installed.
const server = createServer({ signals: ['SIGTERM', 'SIGINT'] });

server.add(Calculator, {
  sum: (x, y) => x + y,
  divide(x, y) {
    if (y === 0) throw new RpcError('INVALID_ARGUMENT', 'y must not be 0', { details: { x, y } });
    return x / y;
  },
});

const { host, port, path } = await server.listen();
console.log(`calculator listens on ${path ?? `${host}:${port}`}; end it with Ctrl+C`);
