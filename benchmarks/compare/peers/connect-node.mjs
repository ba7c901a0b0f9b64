import { createServer } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { loadSync } from '@grpc/proto-loader';
import { NO_SUCH } from '../values.mjs';

export const title = 'connect-node';
export const note = 'Connect protocol over HTTP/2, binary format';
export const packages = ['@connectrpc/connect-node'];
export const can = ['object', 'text', 'sum', 'binary', 'items', 'mixed', 'errors'];
export const warmUpMs = 10_000;

const Bench = service();

/** The descriptors that its generator would have written, made from the same file. */
function service() {
  const definition = loadSync(fileURLToPath(new URL('bench.proto', import.meta.url)));
  const files = definition['bench.Thing'].fileDescriptorProtos.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  );
  // The loader leaves names of messages as they are beside each other; a descriptor has them in full.
  for (const { messageType } of files) {
    for (const field of messageType.flatMap((message) => message.field)) {
      if (field.typeName !== '' && !field.typeName.startsWith('.')) field.typeName = `.bench.${field.typeName}`;
    }
  }
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: files }));
  return registry.getService('bench.Bench');
}

export async function serve(port) {
  const echo = (request) => request;
  const routes = (router) =>
    router.service(Bench, {
      object: echo,
      text: echo,
      binary: echo,
      sum: ({ x, y }) => ({ value: x + y }),
      checked: ({ x, y }) => {
        if (x === 0) throw new ConnectError(NO_SUCH, Code.Internal);
        return { value: x + y };
      },
      items: async function* ({ value }) {
        const item = { value: Buffer.alloc(value, 7) };
        for (;;) yield item;
      },
    });
  const server = createServer({}, connectNodeAdapter({ routes }));
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

export async function connect([port]) {
  const transport = createConnectTransport({
    baseUrl: `http://127.0.0.1:${port}`,
    httpVersion: '2',
    useBinaryFormat: true,
  });
  const client = createClient(Bench, transport);
  return {
    object: (value) => client.object(value),
    text: (value) => client.text({ value }).then((answer) => answer.value),
    binary: (value) => client.binary({ value }).then((answer) => answer.value),
    sum: (x, y) => client.sum({ x, y }).then((answer) => answer.value),
    checked: (x, y) => client.checked({ x, y }).then((answer) => answer.value),
    async *items(bytes) {
      for await (const item of client.items({ value: bytes })) yield item.value;
    },
  };
}
