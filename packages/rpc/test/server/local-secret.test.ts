import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import {
  type CallContext,
  createClient,
  createServer,
  direct,
  local,
  messagePackRpc,
  type Registry,
  type Server,
  type ServerOptions,
} from '@org/rpc';
import { Work } from './work.js';

const echo = (...args: unknown[]): unknown => args;
const FORBIDDEN = /this server takes only calls of its own user, whose clients find it in the registry local:/;

describe('a server of local: on a TCP port', () => {
  let directory: string;
  let registry: Registry;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-secret-'));
    registry = local({ directory });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const aServer = (options: ServerOptions = {}): Server =>
    createServer({ registry, name: 'one', ...options }).add(Work, { run: echo, safe: echo, tell: echo });

  const entry = async (): Promise<{ text: string; secret: string | undefined; mode: number }> => {
    const path = join(directory, 'default', 'one.json');
    const text = await readFile(path, 'utf8');
    return { text, secret: (JSON.parse(text) as { secret?: string }).secret, mode: (await stat(path)).mode & 0o777 };
  };

  it('is called by processes of its user, which know the secret of its entry', async () => {
    await using server = aServer();
    await server.listen({ port: 0 });
    await using client = createClient({ registry });
    assert.deepEqual(await client.service(Work).run('a'), ['a']);
    const { secret, mode } = await entry();
    assert.match(secret!, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(mode, 0o600);
  });

  it('refuses whoever knows the port alone, before anything that it sends is looked at', async () => {
    let ran = 0;
    const count = (): number => ++ran;
    await using server = createServer({ registry }).add(Work, { run: count, safe: count, tell: count });
    const { port } = await server.listen({ port: 0 });
    await using stranger = createClient({ registry: direct([`127.0.0.1:${port}`]) });
    await assert.rejects(stranger.service(Work).with({ timeoutMs: 2_000 }).run('a'), FORBIDDEN);
    await using foreigner = createClient({ registry: direct([`127.0.0.1:${port}`]), protocol: messagePackRpc() });
    await assert.rejects(foreigner.service(Work).with({ timeoutMs: 2_000 }).run('a'));
    assert.match(await ask(port, Buffer.from([0x93, 2])), FORBIDDEN);
    assert.match(await ask(port, Buffer.from('GET / HTTP/1.1\r\n\r\n')), FORBIDDEN);
    assert.equal(ran, 0);
    assert.equal(server.state().calls.running, 0);
  });

  it('has another secret each time that it begins', async () => {
    const before = aServer();
    await before.listen({ port: 0 });
    const old = (await entry()).secret;
    await before.close();
    await using server = aServer();
    await server.listen({ port: 0 });
    assert.notEqual((await entry()).secret, old);
  });

  it('is not called where another program has taken its port', async () => {
    const server = aServer();
    const { port } = await server.listen({ port: 0 });
    const { text } = await entry();
    await server.close();
    // Answers with everything that the client says, its proof included: it has nothing else.
    const heard: Buffer[] = [];
    const impostor = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        heard.push(bytes);
        socket.write(bytes.subarray(5));
      });
    });
    await new Promise<void>((done) => impostor.listen(port, '127.0.0.1', done));
    try {
      await writeFile(join(directory, 'default', 'one.json'), text, { mode: 0o600 });
      await using client = createClient({ registry });
      const call = client.service(Work).with({ timeoutMs: 1_500 }).run('a secret of ours');
      await assert.rejects(call, /does not know the secret of its entry in the registry/);
      assert.ok(heard.length > 0);
      const all = Buffer.concat(heard).toString('latin1');
      assert.doesNotMatch(all, /a secret of ours/);
      assert.ok(!all.includes((JSON.parse(text) as { secret: string }).secret), 'the secret itself is never sent');
    } finally {
      await new Promise<void>((done) => impostor.close(() => done()));
    }
  });

  for (const [what, options, listen] of [
    ['listens for all users', {}, { anyUser: true }],
    ['asks who calls', { authorize: (_call: CallContext) => undefined }, {}],
  ] as const) {
    it(`is called by anybody where it ${what}, and still shows its own that it is the one`, async () => {
      await using server = aServer(options);
      const { port } = await server.listen({ host: '127.0.0.1', port: 0, ...listen });
      await using stranger = createClient({ registry: direct([`127.0.0.1:${port}`]) });
      assert.deepEqual(await stranger.service(Work).run('a'), ['a']);
      await using client = createClient({ registry });
      assert.deepEqual(await client.service(Work).run('a'), ['a']);
      assert.notEqual((await entry()).secret, undefined);
    });
  }

  it('shows the secret nowhere', async () => {
    await using server = aServer();
    await server.listen({ port: 0 });
    await using client = createClient({ registry });
    await client.ready(Work);
    const { secret } = await entry();
    const shown = [server, client, server.state(), client.state()].map(
      (each) => inspect(each, { depth: 9 }) + JSON.stringify(each),
    );
    assert.ok(!shown.join().includes(secret!));
  });

  it('has no secret on a unix socket, which nobody else can reach', async () => {
    await using server = aServer();
    await server.listen();
    assert.equal((await entry()).secret, undefined);
  });
});

/** What a port answers to some bytes before it closes. */
function ask(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part));
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(Buffer.concat(parts).toString()));
    socket.on('error', reject);
  });
}
