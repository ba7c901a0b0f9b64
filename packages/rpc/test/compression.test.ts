import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, createServer as createSocketServer, type Socket } from 'node:net';
import {
  type Client,
  type ClientOptions,
  createClient,
  createServer,
  defineService,
  direct,
  duplex,
  memory,
  method,
  type ServerOptions,
  type ServiceClient,
  stream,
  upload,
} from '@org/rpc';

const Echo = defineService('echo', {
  echo: method<(value: string) => string>(),
  download: stream<(sizes: readonly number[]) => AsyncIterable<Uint8Array>>(),
  upload: upload<(items: AsyncIterable<Uint8Array>) => Promise<number[]>>(),
  chat: duplex<(items: AsyncIterable<string>) => AsyncIterable<string>>(),
});

/** Small, at once, on a thread, and what does not shrink: in turns. */
const SIZES = Array.from({ length: 60 }, (_, index) => [10, 5_000, 40_000, 7_000, 100_000][index % 5]!);

function blob(bytes: number, index: number): Uint8Array {
  const made = Buffer.alloc(bytes, index % 256);
  // Every seventh is as good as random.
  if (index % 7 === 0) for (let i = 0; i < bytes; i++) made[i] = (Math.imul(i + index, 2_654_435_761) >>> 13) & 0xff;
  return made;
}

interface Scene extends AsyncDisposable {
  readonly client: Client;
  readonly echo: ServiceClient<typeof Echo>;
  /** Bytes that came from the server, and that went to it. */
  readonly wire: { down: number; up: number };
}

/** Client and server on real sockets, with something between that counts the bytes. */
async function openScene(client: ClientOptions, options: ServerOptions): Promise<Scene> {
  const server = createServer({ registry: memory(), ...options });
  server.add(Echo, {
    echo: (value) => value,
    async *download(sizes) {
      for (const [index, size] of sizes.entries()) yield blob(size, index);
    },
    async upload(items) {
      const sizes: number[] = [];
      for await (const item of items) {
        assert.deepEqual(Buffer.from(item), blob(item.length, sizes.length));
        sizes.push(item.length);
      }
      return sizes;
    },
    async *chat(items) {
      for await (const item of items) yield item;
    },
  });
  const { port } = await server.listen({ host: '127.0.0.1' });
  const wire = { down: 0, up: 0 };
  const sockets = new Set<Socket>();
  const relay = createSocketServer((near) => {
    const far = connectSocket(port, '127.0.0.1');
    near.on('data', (bytes) => (wire.up += bytes.length));
    far.on('data', (bytes) => (wire.down += bytes.length));
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port: relayPort } = relay.address() as { port: number };
  const opened = createClient({ registry: direct([`127.0.0.1:${relayPort}`]), timeoutMs: 30_000, ...client });
  await opened.ready(Echo);
  // Until the first answer the client does not know what the server can inflate.
  const echo = opened.service(Echo);
  await echo.echo('hello');
  return {
    client: opened,
    echo,
    wire,
    async [Symbol.asyncDispose]() {
      await opened.close();
      await server.close({ drainMs: 0, graceMs: 0 });
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
}

const TEXT = '{"name":"value","number":12345},'.repeat(2_000);

describe('compression between a client and a server', () => {
  const cases: readonly [what: string, client: ClientOptions, server: ServerOptions, up: boolean, down: boolean][] = [
    ['neither asked for', {}, {}, false, false],
    ['the client asked for', { compression: true }, {}, true, false],
    ['the server asked for', {}, { compression: { level: 6 } }, false, true],
    ['both asked for', { compression: { aboveBytes: 100 } }, { compression: true }, true, true],
  ];
  for (const [what, client, server, up, down] of cases) {
    it(`that ${what} changes the bytes on the wire, and never the values`, async () => {
      await using scene = await openScene(client, server);
      const before = { ...scene.wire };
      assert.equal(await scene.echo.echo(TEXT), TEXT);
      const sent = scene.wire.up - before.up;
      const received = scene.wire.down - before.down;
      assert.deepEqual([sent < TEXT.length / 10, received < TEXT.length / 10], [up, down]);
    });
  }

  it('keeps the items of streams in order, compressed at once, later or not at all', async () => {
    await using scene = await openScene({ compression: true }, { compression: true });
    const seen: Uint8Array[] = [];
    for await (const item of scene.echo.download(SIZES)) seen.push(item);
    assert.equal(seen.length, SIZES.length);
    for (const [index, item] of seen.entries()) assert.deepEqual(Buffer.from(item), blob(SIZES[index]!, index));
    async function* blobs(): AsyncGenerator<Uint8Array> {
      for (const [index, size] of SIZES.entries()) yield blob(size, index);
    }
    assert.deepEqual(await scene.echo.upload(blobs()), SIZES);
    const texts = SIZES.map((size, index) => `${index}:${'x'.repeat(size)}`);
    const back: string[] = [];
    for await (const text of scene.echo.chat(texts)) back.push(text);
    assert.deepEqual(back, texts);
  });
});
