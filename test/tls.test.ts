import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
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
  RpcError,
  type Server,
  type ServerOptions,
  type ServerTlsOptions,
} from '../packages/rpc/src/index.js';
import { TestAuthority } from '../packages/wire/test/certificates.js';

const Echo = defineService('echo', {
  echo: method<(value: unknown) => unknown>({ timeoutMs: 8_000 }),
  who: method<() => string | undefined>({ timeoutMs: 5_000 }),
});

describe('calls over TLS', function () {
  this.timeout(30_000);
  let authority: TestAuthority;
  let stranger: TestAuthority;
  const closers: { close(): Promise<void> }[] = [];

  before(() => {
    authority = new TestAuthority();
    stranger = new TestAuthority('Stranger');
  });
  after(() => {
    authority.remove();
    stranger.remove();
  });
  afterEach(async () => {
    for (const closer of closers.splice(0).reverse()) await closer.close();
  });

  async function serving(
    tls: Partial<ServerTlsOptions> = {},
    echo: (value: unknown) => unknown = (value) => value,
  ): Promise<{ server: Server; port: number; errors: string[] }> {
    const server = createServer({
      registry: memory(),
      limits: { handshakeMs: 300 },
      tls: { ...authority.issue(), ...tls },
      authorize: (call) => {
        if (call.peer.identity === 'spiffe://prod/banned') throw new RpcError('PERMISSION_DENIED', 'banned');
      },
    });
    const errors: string[] = [];
    server.on('acceptError', ({ error }) => errors.push(error.message));
    server.add(Echo, { echo, who: () => callContext()?.peer.identity });
    closers.push({ close: () => server.close({ drainMs: 0, graceMs: 0 }) });
    return { server, port: (await server.listen({ host: '127.0.0.1' })).port, errors };
  }

  function calling(port: number, tls: ClientTlsOptions | undefined = { ca: authority.ca }): Client {
    const client = createClient({ registry: direct([`127.0.0.1:${port}`]), ...(tls === undefined ? {} : { tls }) });
    closers.push(client);
    return client;
  }

  const mutual = (): Partial<ServerTlsOptions> => ({ ca: authority.ca, requestClientCertificate: 'require' });

  it('carry 4 MiB in both directions', async () => {
    const { port } = await serving();
    const large = Buffer.alloc(4 * 1024 * 1024 - 1000, 'x');
    const back = await calling(port).service(Echo).echo(large);
    assert.equal(Buffer.compare(back as Buffer, large), 0);
  });

  it('are of whom authenticate takes the certificate for, on both protocols', async () => {
    const seen: unknown[] = [];
    const authenticate: ServerOptions['authenticate'] = ({ identity }, token, { certificate }) => {
      seen.push([identity, token, certificate?.subjectAltName]);
      if (identity === undefined) throw new RpcError('UNAUTHENTICATED', 'no certificate');
      return `the one that is ${identity}`;
    };
    const tls = { ...authority.issue(), ca: authority.ca, requestClientCertificate: true };
    const server = createServer({ registry: memory(), tls, authenticate });
    server.add(Echo, { echo: (value) => value, who: () => callContext()?.peer.identity });
    closers.push({ close: () => server.close({ drainMs: 0, graceMs: 0 }) });
    const { port } = await server.listen({ host: '127.0.0.1' });
    const own = { ca: authority.ca, ...authority.issue({ names: 'URI:spiffe://prod/web' }) };
    for (const protocol of [undefined, messagePackRpc()]) {
      const registry = direct([`127.0.0.1:${port}`]);
      await using known = createClient({ registry, protocol, tls: own });
      assert.equal(await known.service(Echo).who(), 'the one that is spiffe://prod/web');
      await using unknown = createClient({ registry, protocol, tls: { ca: authority.ca } });
      await assert.rejects(unknown.service(Echo).who(), /UNAUTHENTICATED: .*no certificate/);
    }
    assert.deepEqual(seen[0], ['spiffe://prod/web', undefined, 'URI:spiffe://prod/web']);
  });

  it('give back their output buffers: 10,000 calls of 64 callers allocate next to none', async () => {
    const { port } = await serving();
    const echo = calling(port).service(Echo);
    await echo.echo(0);
    const allocate = Buffer.allocUnsafeSlow;
    let chunks = 0;
    Buffer.allocUnsafeSlow = (size) => {
      if (size === 64 * 1024) chunks++;
      return allocate(size);
    };
    try {
      let next = 0;
      const caller = async (): Promise<void> => {
        for (let i = next++; i < 10_000; i = next++) assert.equal(await echo.echo(i), i);
      };
      await Promise.all(Array.from({ length: 64 }, caller));
    } finally {
      Buffer.allocUnsafeSlow = allocate;
    }
    assert.ok(chunks <= 32, `${chunks} output buffers were allocated`);
  });

  it('go to a service only where that one proves to be, whatever else is at its address', async () => {
    const { port } = await serving(authority.issue({ names: 'URI:spiffe://prod/echo' }));
    const identity = { echo: 'spiffe://*/echo', web: 'spiffe://prod/web' };
    const client = calling(port, { ca: authority.ca, identity });
    assert.equal(await client.service(Echo).echo(1), 1);
    // The same endpoint, where a connection for the other service is open.
    const web = client.call('web', 'get', [], { timeoutMs: 5_000, idempotent: true });
    await assert.rejects(web, (error) => {
      assert.ok(error instanceof RpcError);
      assert.deepEqual([error.code, error.progress], ['UNAVAILABLE', 'unsent']);
      assert.match(error.message, /proved to be URI:spiffe:\/\/prod\/echo, and spiffe:\/\/prod\/web is expected/);
      return true;
    });
    assert.equal(await client.service(Echo).echo(2), 2);
    assert.throws(
      () => client.setTls({ identity: 'spiffe://a/b' }),
      /^TypeError: client\.setTls: tls\.identity is for/,
    );
  });

  it('tell the handler and authorize who the client is by its certificate', async () => {
    const { port } = await serving(mutual());
    const as = (names: string, name = ''): ClientTlsOptions => ({
      ca: authority.ca,
      ...authority.issue({ names, name }),
    });
    assert.equal(await calling(port, as('URI:spiffe://prod/orders,DNS:x')).service(Echo).who(), 'spiffe://prod/orders');
    assert.equal(await calling(port, as('DNS:orders.internal', 'cn')).service(Echo).who(), 'orders.internal');
    assert.equal(await calling(port, as('', 'orders')).service(Echo).who(), 'orders');
    await assert.rejects(calling(port, as('URI:spiffe://prod/banned')).service(Echo).who(), {
      code: 'PERMISSION_DENIED',
    });
  });

  it('know nobody by name who was not asked or has shown nothing', async () => {
    const { port } = await serving({ ca: authority.ca, requestClientCertificate: true });
    assert.equal(await calling(port).service(Echo).who(), undefined);
  });

  const wrongServers: readonly [what: string, tls: () => Partial<ServerTlsOptions>, reason: RegExp][] = [
    ['has expired', () => authority.issue({ until: '210101000000Z' }), /certificate of the other end has expired/],
    ['is not valid yet', () => authority.issue({ from: '480101000000Z' }), /is not valid yet: is a clock wrong/],
    [
      'is for another host',
      () => authority.issue({ names: 'DNS:elsewhere' }),
      /not for 127\.0\.0\.1 but for DNS:elsewhere/,
    ],
    ['is of an unknown authority', () => stranger.issue(), /authority that is not known here: name it in tls\.ca/],
    ['is meant for clients', () => authority.issue({ use: 'clientAuth' }), /not meant for this use/],
  ];
  for (const [what, tls, reason] of wrongServers) {
    it(`fail with that reason when the certificate of the server ${what}`, async () => {
      const { port } = await serving(tls());
      await assert.rejects(calling(port).service(Echo).who(), {
        code: 'UNAVAILABLE',
        progress: 'unsent',
        message: reason,
      });
    });
  }

  const wrongClients: readonly [what: string, tls: () => ClientTlsOptions | undefined, reason: RegExp][] = [
    ['is missing', () => ({ ca: authority.ca }), /the server demands a certificate of its clients/],
    ['has expired', () => ({ ca: authority.ca, ...authority.issue({ until: '210101000000Z' }) }), /client has expired/],
    ['is of an unknown authority', () => ({ ca: authority.ca, ...stranger.issue() }), /not known to the server/],
    ['would come in plaintext', () => undefined, /this port expects TLS/],
  ];
  for (const [what, tls, reason] of wrongClients) {
    it(`fail with that reason, and no handler runs, when the certificate of the client ${what}`, async () => {
      const { port, errors } = await serving(mutual());
      const client = createClient({ registry: direct([`127.0.0.1:${port}`]), tls: tls() });
      closers.push(client);
      await assert.rejects(client.service(Echo).who(), { code: 'UNAVAILABLE', message: reason });
      assert.ok(errors.length >= 1 && errors.length <= 3, errors.join('\n'));
      assert.match(errors[0]!, reason);
    });
  }

  it('fail towards a port without TLS, and are not tried in plaintext', async () => {
    const plain = createServer({ registry: memory() }).add(Echo, { echo: (value) => value, who: () => undefined });
    closers.push(plain);
    const { port } = await plain.listen({ host: '127.0.0.1' });
    await assert.rejects(calling(port).service(Echo).who(), { code: 'UNAVAILABLE', message: /does not speak TLS/ });
  });

  it('go on while key and certificate are replaced; new connections get the new ones', async () => {
    const { server, port } = await serving();
    const old = calling(port).service(Echo);
    assert.equal(await old.echo(1), 1);
    server.setTls(stranger.issue());
    assert.equal(await old.echo(2), 2);
    await assert.rejects(calling(port).service(Echo).echo(3), /authority that is not known/);
    const trusting = calling(port);
    trusting.setTls({ ca: stranger.ca });
    assert.equal(await trusting.service(Echo).echo(4), 4);
    assert.throws(() => server.setTls({ key: 'nonsense' }), /tls\.key must be PEM/);
    assert.equal(await old.echo(5), 5);
  });

  it('are finished when the server drains', async () => {
    let release!: () => void;
    const untilClosing = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = 0;
    let allBegun!: () => void;
    const untilBegun = new Promise<void>((resolve) => {
      allBegun = resolve;
    });
    const { server, port } = await serving({}, async (value) => {
      if (++begun === calls.length) allBegun();
      await untilClosing;
      return value;
    });
    const calls = Array.from({ length: 100 }, (_, i) => i);
    const echo = calling(port).service(Echo);
    const answers = Promise.all(calls.map((i) => echo.echo(i)));
    await untilBegun;
    const closed = server.close();
    release();
    await closed;
    assert.deepEqual(await answers, calls);
  });

  it('are answered in its own words to an HTTP client without TLS', async () => {
    const { port } = await serving();
    const socket = connectPlain(port, '127.0.0.1').setEncoding('utf8');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk));
    await once(socket, 'close');
    assert.match(text, /^HTTP\/1\.1 400[\s\S]*expects TLS; an HTTP request came instead\n$/);
  });

  it('do not wait for whoever does not finish the handshake', async () => {
    const { port, errors } = await serving();
    for (const first of ['', '\x16\x03\x01']) {
      const socket = connectPlain(port, '127.0.0.1').resume();
      socket.on('error', () => {});
      socket.write(first);
      await once(socket, 'close');
    }
    assert.equal(errors.filter((text) => text.includes('not done within 300 ms (limits.handshakeMs)')).length, 2);
  });

  it('refuse those who want to speak something else inside, and take those who do not say', async () => {
    const { port } = await serving();
    const tried = async (ALPNProtocols?: string[]): Promise<string> => {
      const options: ConnectionOptions = { port, host: '127.0.0.1', ca: authority.ca };
      const socket = connectTls(ALPNProtocols === undefined ? options : { ...options, ALPNProtocols });
      const outcome = await once(socket, 'secureConnect').then(
        () => 'accepted',
        (error: NodeJS.ErrnoException) => String(error.code),
      );
      socket.destroy();
      return outcome;
    };
    assert.deepEqual(
      [await tried(['http/1.1']), await tried(['rpc/1']), await tried()],
      ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'accepted', 'accepted'],
    );
  });
});
