import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import { createClient, createServer, defineService, direct, memory, messagePackRpc, method, RpcError } from '@org/rpc';

const Users = defineService('users', { get: method<(id: number) => string>() });
const Shop = defineService('shop', { price: method<(id: number) => number>() });

/** What a server answers to these bytes, as hex, until it says nothing more. */
async function answer(port: number, bytes: string, length: number): Promise<string> {
  const socket = connectSocket(port, '127.0.0.1');
  socket.write(Buffer.from(bytes, 'hex'));
  let answered = Buffer.alloc(0);
  for await (const chunk of socket) {
    answered = Buffer.concat([answered, chunk as Buffer]);
    if (answered.length >= length) break;
  }
  socket.destroy();
  return answered.toString('hex');
}

describe('MessagePack-RPC on the port of a server', () => {
  const asked: string[] = [];
  const server = createServer({
    registry: memory(),
    defaultService: 'shop',
    authorize: ({ service, method: name }) => {
      asked.push(`${service}.${name}`);
    },
  });
  server.add(Users, { get: (id) => `user ${id}` });
  server.add(Shop, {
    price(id) {
      if (id === 0) throw new RpcError('NOT_FOUND', 'no such thing');
      return 2 * id;
    },
  });
  let port = 0;
  before(async () => {
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(() => server.close({ drainMs: 0 }));

  it('calls a method of any service by its path, over TCP and however the bytes are cut', async () => {
    const request = `940001a9${Buffer.from('users.get').toString('hex')}9107`;
    assert.equal(await answer(port, request, 10), `940101c0a6${Buffer.from('user 7').toString('hex')}`);
  });

  it('calls a method of the default service by its bare name, which authorize sees in full', async () => {
    asked.length = 0;
    const request = `940002a5${Buffer.from('price').toString('hex')}9107`;
    assert.equal(await answer(port, request, 5), '940102c00e');
    assert.deepEqual(asked, ['shop.price']);
  });

  it('is spoken by our clients too, with stubs as ever', async () => {
    const client = createClient({ registry: direct([`127.0.0.1:${port}`]), protocol: messagePackRpc() });
    assert.equal(await client.service(Users).get(8), 'user 8');
    assert.equal(await client.service(Shop).price(4), 8);
    await assert.rejects(client.service(Shop).price(0), { code: 'NOT_FOUND', reason: 'no such thing' });
    await client.close();
  });

  it('tells what it has instead of a method that it has not', async () => {
    for (const [name, hint] of [
      ['users.gett', 'service "users" has no method "gett"; did you mean "get"?'],
      ['user.get', 'this server has no service "user"; did you mean "users"?'],
      ['pric', 'service "shop" has no method "pric"; did you mean "price"?'],
    ] as const) {
      const request = Buffer.concat([
        Buffer.from([0x94, 0, 3, 0xa0 + name.length]),
        Buffer.from(name),
        Buffer.from([0x90]),
      ]);
      const text = Buffer.from(await answer(port, request.toString('hex'), 60), 'hex').toString('latin1');
      assert.ok(text.includes(`UNIMPLEMENTED: ${hint}`), text);
    }
  });
});

describe('names on the wire of MessagePack-RPC', () => {
  it('must say which method is meant', () => {
    const server = createServer({ registry: memory() });
    server.add(defineService('a', { 'b.cc': method<() => void>() }), { 'b.cc': () => {} });
    const namesake = defineService('a.b', { cc: method<() => void>() });
    assert.throws(() => server.add(namesake, { cc: () => {} }), /read the same as "a" and "b\.cc", with a dot between/);
  });

  it('have a default service that was added', async () => {
    const server = createServer({ registry: memory(), defaultService: 'shops' });
    server.add(Shop, { price: () => 1 });
    await assert.rejects(server.listen({ port: 0 }), /defaultService "shops" is no service that was added/);
    await server.close({ drainMs: 0, graceMs: 0 });
  });

  it('are named in full where there are several services and no default', async () => {
    const server = createServer({ registry: memory() });
    server.add(Users, { get: () => '' });
    server.add(Shop, { price: () => 1 });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const text = Buffer.from(await answer(port, '940001a361626390', 60), 'hex').toString('latin1');
    assert.match(text, /UNIMPLEMENTED: a method is named service\.method here/);
    await server.close({ drainMs: 0, graceMs: 0 });
  });

  it('cannot be wrong options in silence', () => {
    assert.throws(
      () => createClient({ registry: memory(), protocol: {} } as never),
      /a protocol such as messagePackRpc\(\)/,
    );
    for (const options of [{ defaultService: 'a b' }, { metadataFirst: 1 }]) {
      assert.throws(() => createServer({ registry: memory(), ...options } as never), TypeError);
    }
  });
});
