import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { NO_SUCH } from '../values.mjs';

export const title = 'grpc-js';
export const note = 'one channel; several servers by `round_robin`';
export const packages = ['@grpc/grpc-js'];
export const can = ['object', 'text', 'sum', 'binary', 'nodes', 'items', 'mixed', 'errors'];
/** Its HTTP/2 takes thousands of calls until it is compiled. */
export const warmUpMs = 10_000;

const LARGEST = 64 * 1024 * 1024;
const definition = loadSync(fileURLToPath(new URL('bench.proto', import.meta.url)), { defaults: true, longs: Number });
const { Bench } = grpc.loadPackageDefinition(definition).bench;

export async function serve(port) {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': LARGEST });
  const echo = (call, callback) => callback(null, call.request);
  server.addService(Bench.service, {
    Object: echo,
    Text: echo,
    Binary: echo,
    Sum: (call, callback) => callback(null, { value: call.request.x + call.request.y }),
    Checked: ({ request: { x, y } }, callback) => {
      if (x === 0) callback({ code: grpc.status.INTERNAL, details: NO_SUCH });
      else callback(null, { value: x + y });
    },
    Items: (call) => {
      const item = { value: Buffer.alloc(call.request.value, 7) };
      const send = () => {
        while (!call.cancelled && call.write(item));
      };
      call.on('drain', send).on('error', () => undefined);
      send();
    },
  });
  const bind = (resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  await new Promise(bind);
}

export async function connect(ports) {
  const target = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
  const client = new Bench(target, grpc.credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': LARGEST,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  });
  const call = (name, request) =>
    new Promise((resolve, reject) =>
      client[name](request, (error, answer) => (error === null ? resolve(answer) : reject(error))),
    );
  return {
    object: (value) => call('Object', value),
    text: (value) => call('Text', { value }).then((answer) => answer.value),
    binary: (value) => call('Binary', { value }).then((answer) => answer.value),
    sum: (x, y) => call('Sum', { x, y }).then((answer) => answer.value),
    checked: (x, y) => call('Checked', { x, y }).then((answer) => answer.value),
    async *items(bytes) {
      for await (const item of client.Items({ value: bytes })) yield item.value;
    },
  };
}
