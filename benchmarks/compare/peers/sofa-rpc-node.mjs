import sofa from 'sofa-rpc-node';
import { NO_SUCH } from '../values.mjs';

export const title = 'sofa-rpc-node, bolt';
export const note = 'bolt protocol with Hessian, without a registry';
export const packages = ['sofa-rpc-node'];
export const can = ['object', 'text', 'sum', 'errors'];

const {
  server: { RpcServer },
  client: { RpcClient },
} = sofa;
const logger = { debug() {}, info() {}, warn() {}, error: console.error };
const interfaceName = 'org.rpc.Bench';

export async function serve(port) {
  const server = new RpcServer({ logger, port });
  const checked = async (x, y) => {
    if (x === 0) throw new Error(NO_SUCH);
    return x + y;
  };
  server.addService({ interfaceName }, { echo: async (value) => value, sum: async (x, y) => x + y, checked });
  await server.start();
}

export async function connect([port]) {
  const client = new RpcClient({ logger });
  const consumer = client.createConsumer({ interfaceName, serverHost: `127.0.0.1:${port}` });
  await consumer.ready();
  const options = { responseTimeout: 10_000 };
  const call = (name, args) => consumer.invoke(name, args, options);
  return {
    object: (value) => call('echo', [value]),
    text: (value) => call('echo', [value]),
    sum: (x, y) => call('sum', [x, y]),
    checked: (x, y) => call('checked', [x, y]),
  };
}
