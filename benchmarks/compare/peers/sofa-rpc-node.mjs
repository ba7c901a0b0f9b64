import sofa from 'sofa-rpc-node';

export const title = 'sofa-rpc-node, bolt';
export const note = 'bolt protocol with Hessian, without a registry';
export const packages = ['sofa-rpc-node'];
export const can = ['object', 'text', 'sum'];

const {
  server: { RpcServer },
  client: { RpcClient },
} = sofa;
const logger = { debug() {}, info() {}, warn() {}, error: console.error };
const interfaceName = 'org.rpc.Bench';

export async function serve(port) {
  const server = new RpcServer({ logger, port });
  server.addService({ interfaceName }, { echo: async (value) => value, sum: async (x, y) => x + y });
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
  };
}
