import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { createClient, createServer, local, memory, type Server, type ServerOptions, several } from '@org/rpc';
import { eventually, manualRegistry } from '@org/rpc-testkit';
import { Work } from './work.js';

const echo = (...args: unknown[]): unknown => args;

function aServer(options: ServerOptions = {}): Server {
  return createServer({ registry: memory(), ...options }).add(Work, { run: echo, safe: echo, tell: echo });
}

/** A temporary directory that is gone when it is disposed of. */
async function temporary(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'rpc-server-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

describe('a server and its clients over sockets', () => {
  it('find each other through a directory of this machine', async () => {
    await using directory = await temporary();
    const registry = local({ directory: directory.path });
    await using server = aServer({ registry });
    const peers: string[] = [];
    const closed = new Promise<{ reason: string }>((resolve) => server.on('connectionClosed', resolve));
    server.on('connectionOpened', ({ peer }) => peers.push(peer));
    const { port } = await server.listen({ port: 0 });
    await server.registered;
    const client = createClient({ registry });
    await client.ready(Work);
    assert.deepEqual(await client.service(Work).run('a', { b: [1] }), ['a', { b: [1] }]);
    assert.deepEqual(
      client.state().services['work']?.nodes.map(({ endpoint }) => endpoint),
      [`127.0.0.1:${port}`],
    );
    assert.match(peers[0]!, /^127\.0\.0\.1:\d+$/);
    await client.close();
    assert.equal(typeof (await eventually(closed, () => 'the connection was never closed')).reason, 'string');
  });

  it('meet on a unix socket of this user alone where the registry is for one user and no address is named', async () => {
    await using directory = await temporary();
    const registry = local({ directory: directory.path });
    const server = aServer({ registry });
    const address = await server.listen();
    assert.deepEqual([address.host, address.port], ['', 0]);
    const folder = dirname(address.path!);
    assert.equal(dirname(folder), directory.path);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.match(inspect(server), new RegExp(`listening on unix:${directory.path}`));
    await using client = createClient({ registry });
    assert.deepEqual(await client.service(Work).run('a'), ['a']);
    await server.close();
    assert.deepEqual(await readdir(folder), []);
  });

  it('meet on the loopback address where a part of the address is named', async () => {
    await using directory = await temporary();
    const registry = several([memory(), local({ directory: directory.path })]);
    for (const options of [{ port: 0 }, { host: '127.0.0.1' }, { advertise: { host: 'localhost' } }]) {
      await using server = aServer({ registry });
      assert.equal((await server.listen(options)).host, '127.0.0.1');
    }
    await using server = aServer({ registry });
    assert.notEqual((await server.listen()).path, undefined);
  });

  it('do not find each other in another namespace', async () => {
    const registry = memory();
    await using server = aServer({ registry, namespace: 'staging' });
    await server.listen();
    await server.registered;
    await using stranger = createClient({ registry, namespace: 'production' });
    await assert.rejects(stranger.service(Work).run(), {
      code: 'UNAVAILABLE',
      message: /service "work" has no instance in registry memory, namespace "production"/,
    });
    await using friend = createClient({ registry, namespace: 'staging' });
    assert.deepEqual(await friend.service(Work).run('a'), ['a']);
  });

  it('take the namespace of the environment when no other is given', async () => {
    process.env['RPC_NAMESPACE'] = 'from-environment';
    try {
      const registry = memory();
      await using server = aServer({ registry });
      await server.listen();
      await server.registered;
      await using client = createClient({ registry, namespace: 'from-environment' });
      assert.deepEqual(await client.service(Work).run('a'), ['a']);
    } finally {
      delete process.env['RPC_NAMESPACE'];
    }
  });

  it('serves on a unix socket, whose file is gone afterwards', async () => {
    await using directory = await temporary();
    const path = join(directory.path, 'work.sock');
    const registry = memory();
    const server = aServer({ registry });
    assert.deepEqual(await server.listen({ path }), { host: '', port: 0, path });
    await using client = createClient({ registry });
    assert.deepEqual(await client.service(Work).run('over a file'), ['over a file']);
    await using other = aServer();
    await assert.rejects(other.listen({ path }), /^Error: listen on unix:.*work\.sock: the address is taken/);
    await server.close({ graceMs: 0 });
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });

  it('changes what the registry says, and clients follow', async () => {
    const registry = memory();
    await using heavy = aServer({ registry, name: 'heavy' });
    await using light = aServer({ registry, name: 'light' });
    for (const server of [heavy, light]) await server.listen();
    await using client = createClient({ registry });
    await client.ready(Work);
    await light.update({ weight: 0 });
    const endpoints = new Set<string>();
    const work = client.service(Work).with({ onResponse: ({ endpoint }) => endpoints.add(endpoint) });
    for (let i = 0; i < 40; i++) await work.run();
    assert.equal(endpoints.size, 1);
    await light.update({ weight: 100, tags: { canary: 'yes' } });
    for (let i = 0; i < 200 && endpoints.size < 2; i++) await work.run();
    assert.equal(endpoints.size, 2);
  });

  it('takes no new calls while it is unavailable, from the start or later, and no update brings it back from its goodbye', async () => {
    const registry = memory();
    await using other = aServer({ registry, name: 'other' });
    const cold = aServer({ registry, name: 'cold', available: false });
    for (const server of [other, cold]) await server.listen();
    await using client = createClient({ registry });
    await client.ready(Work);
    const nodes = (): Record<string, string> => {
      const { nodes } = client.state().services['work']!;
      return Object.fromEntries(
        nodes.map(({ instance, connection, available }) => [instance, `${connection} ${available}`]),
      );
    };
    const served = new Set<string>();
    const work = client.service(Work).with({ onResponse: ({ endpoint }) => served.add(endpoint) });
    for (let i = 0; i < 40; i++) await work.run();
    assert.equal(served.size, 1);
    assert.deepEqual(nodes(), { other: 'ready true', cold: 'ready false' });
    await cold.update({ available: true });
    for (let i = 0; i < 200 && served.size < 2; i++) await work.run();
    assert.equal(served.size, 2);
    const closed = cold.close();
    await cold.update({ available: true });
    served.clear();
    for (let i = 0; i < 40; i++) await work.run();
    assert.equal(served.size, 1);
    await closed;
  });

  it('tells the registry since when it serves, its protocol and what it can do', async () => {
    const manual = manualRegistry();
    const before = Date.now();
    await using server = aServer({ registry: manual.registry });
    await server.listen();
    await server.registered;
    const { startedAtMs, protocol, features } = manual.instances()[0]!.endpoint;
    assert.ok(startedAtMs! >= before && startedAtMs! <= Date.now());
    assert.deepEqual([protocol, features], ['rpc/1', ['streams', 'messagepack-rpc', 'compression']]);
  });
});
