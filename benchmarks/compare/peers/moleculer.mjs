import { Errors, ServiceBroker } from 'moleculer';
import { NO_SUCH } from '../values.mjs';

export const title = 'Moleculer, TCP';
export const note = 'TCP transporter between two brokers, JSON (binaries: its MsgPack serializer, as JSON has none)';
export const packages = ['moleculer'];
export const can = ['object', 'text', 'sum', 'binary', 'nodes', 'mixed', 'errors'];

const LARGEST = 64 * 1024 * 1024;
const broker = (nodeID, port, urls, serializer) =>
  new ServiceBroker({
    nodeID,
    logger: false,
    serializer,
    transporter: { type: 'TCP', options: { udpDiscovery: false, port, urls, maxPacketSize: LARGEST } },
  });
const serializerFor = (workload) => (workload === 'binary' || workload === 'mixed' ? 'MsgPack' : 'JSON');
const clientPort = (port) => port + 5_000;

export async function serve(port, { workload }) {
  const urls = [`127.0.0.1:${port}/server-${port}`];
  const server = broker(`server-${port}`, port, urls, serializerFor(workload));
  server.createService({
    name: 'bench',
    actions: {
      echo: (context) => context.params.value,
      sum: ({ params }) => params.x + params.y,
      checked: ({ params }) => {
        if (params.x === 0) throw new Errors.MoleculerError(NO_SUCH, 500, 'NO_SUCH');
        return params.x + params.y;
      },
    },
  });
  await server.start();
}

export async function connect(ports, { workload }) {
  const urls = ports.map((port) => `127.0.0.1:${port}/server-${port}`);
  const own = clientPort(ports[0]);
  const client = broker('client', own, [...urls, `127.0.0.1:${own}/client`], serializerFor(workload));
  await client.start();
  await client.waitForServices('bench', 10_000);
  const echo = (value) => client.call('bench.echo', { value });
  return {
    object: echo,
    text: echo,
    binary: echo,
    sum: (x, y) => client.call('bench.sum', { x, y }),
    checked: (x, y) => client.call('bench.checked', { x, y }),
  };
}
