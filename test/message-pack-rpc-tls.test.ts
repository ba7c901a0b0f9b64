import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect, createServer as createTlsServer } from 'node:tls';
import { decode } from '@msgpack/msgpack';
import {
  type Client,
  type ClientTlsOptions,
  callContext,
  createClient,
  createServer,
  defineService,
  direct,
  memory,
  messagePackRpc,
  method,
  type ServerTlsOptions,
} from '../packages/rpc/src/index.js';
import { answersOver, rpcMessage } from '../packages/rpc/test/message-pack-rpc-bytes.js';
import { TestAuthority } from '../packages/wire/test/certificates.js';

const Users = defineService('users', {
  get: method<(id: number) => string>(),
  echo: method<(value: unknown) => unknown>(),
  who: method<() => string>(),
});

describe('MessagePack-RPC over TLS', function () {
  this.timeout(30_000);
  let authority: TestAuthority;
  const closers: { close(): unknown }[] = [];

  before(() => {
    authority = new TestAuthority();
  });
  after(() => authority.remove());
  afterEach(async () => {
    for (const closer of closers.splice(0).reverse()) await closer.close();
  });

  async function serving(tls: Partial<ServerTlsOptions> = {}): Promise<number> {
    const server = createServer({ registry: memory(), tls: { ...authority.issue(), ...tls } });
    server.add(Users, {
      get: (id) => `user ${id}`,
      echo: (value) => value,
      who: () => callContext()?.peer.identity ?? 'nobody',
    });
    closers.push({ close: () => server.close({ drainMs: 0, graceMs: 0 }) });
    return (await server.listen({ host: '127.0.0.1' })).port;
  }

  function calling(port: number, tls: ClientTlsOptions = { ca: authority.ca }): Client {
    const client = createClient({ registry: direct([`127.0.0.1:${port}`]), protocol: messagePackRpc(), tls });
    closers.push(client);
    return client;
  }

  /** A peer of another language: it knows nothing of ALPN. */
  async function peer(port: number, options: ConnectionOptions = {}): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.ca, ...options });
    await once(socket, 'secureConnect');
    return socket;
  }

  it('is served on the port of a server with TLS', async () => {
    const answers = await answersOver(await peer(await serving()), [rpcMessage(0, 7, 'users.get', [3])], 1);
    assert.deepEqual(answers, [[1, 7, null, 'user 3']]);
  });

  it('is served however the bytes are cut into records', async () => {
    const request = rpcMessage(0, 7, 'users.get', [3]);
    const bytes = Array.from(request, (_, i) => request.subarray(i, i + 1));
    assert.deepEqual(await answersOver(await peer(await serving()), bytes, 1), [[1, 7, null, 'user 3']]);
  });

  it('tells handlers who the peer is by its certificate', async () => {
    const port = await serving({ ca: authority.ca, requestClientCertificate: 'require' });
    const socket = await peer(port, authority.issue({ names: 'DNS:editor' }));
    assert.deepEqual(await answersOver(socket, [rpcMessage(0, 1, 'users.who', [])], 1), [[1, 1, null, 'editor']]);
  });

  it('is not served in plaintext where TLS is expected, and told why', async () => {
    const socket = connectPlain(await serving(), '127.0.0.1');
    socket.write(rpcMessage(0, 7, 'users.get', [3]));
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    assert.equal(text, 'this is a port of @org/rpc, which expects TLS; a MessagePack-RPC message came instead\n');
  });

  it('is spoken by clients, large messages and many calls at once included', async () => {
    const users = calling(await serving()).service(Users);
    const large = Buffer.alloc(1024 * 1024, 'x');
    assert.equal(Buffer.compare((await users.echo(large)) as Buffer, large), 0);
    const ids = Array.from({ length: 200 }, (_, i) => i);
    assert.deepEqual(
      await Promise.all(ids.map((id) => users.get(id))),
      ids.map((id) => `user ${id}`),
    );
  });

  it('is spoken by clients that show their certificate', async () => {
    const port = await serving({ ca: authority.ca, requestClientCertificate: 'require' });
    const own = { ca: authority.ca, ...authority.issue({ names: 'URI:spiffe://prod/web' }) };
    assert.equal(await calling(port, own).service(Users).who(), 'spiffe://prod/web');
  });

  it('reaches servers of other languages, which know nothing of ALPN', async () => {
    const server = createTlsServer(authority.issue(), (socket) => {
      socket.on('error', () => {});
      // One small request at a time, which comes in one record.
      socket.on('data', (bytes: Buffer) => {
        const [, id, name, args] = decode(bytes) as [number, number, string, unknown[]];
        socket.write(rpcMessage(1, id, null, `${name} ${args.join()}`));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(server);
    const { port } = server.address() as AddressInfo;
    assert.equal(await calling(port).service(Users).get(5), 'users.get 5');
  });

  it('is not spoken with a server whose authority is not known', async () => {
    const stranger = new TestAuthority('Stranger');
    closers.push({ close: () => stranger.remove() });
    const client = calling(await serving(), { ca: stranger.ca });
    await assert.rejects(client.service(Users).get(1), {
      code: 'UNAVAILABLE',
      progress: 'unsent',
      message: /authority that is not known here/,
    });
  });
});
