import assert from 'node:assert/strict';
import { defineService, method } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer, type Server } from '@org/rpc-server';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>(),
  echo: method<(value: unknown) => unknown>(),
});

function aServer(): Server {
  return createServer({ registry: memory() }).add(Calculator, { sum: (x, y) => x + y, echo: (value) => value });
}

describe('connect()', () => {
  it('gives a client of a server that does not listen', async () => {
    await using client = connect(aServer());
    assert.equal(await client.service(Calculator).sum(1, 2), 3);
  });

  it('encodes what goes over it, as in production', async () => {
    await using client = connect(aServer());
    const sent = { date: new Date(0), list: [1] };
    const received = await client.service(Calculator).echo(sent);
    assert.deepEqual(received, sent);
    assert.notEqual(received, sent);
    await assert.rejects(
      client.service(Calculator).echo(() => 1),
      { code: 'INVALID_ARGUMENT' },
    );
  });

  it('takes the options of a client, and needs no registry', async () => {
    await using client = connect(aServer(), { registry: 'etcd://127.0.0.1:1', metadata: { tenant: 'a' } });
    assert.equal(await client.service(Calculator).sum(1, 2), 3);
    assert.throws(
      () => connect(aServer(), { timeout: 5 } as never),
      /unknown option "timeout"; did you mean "timeoutMs"/,
    );
  });

  it('gives any number of clients of one server, each with a connection of its own', async () => {
    const server = aServer();
    let connections = 0;
    server.on('connectionOpened', () => connections++);
    await using first = connect(server);
    await using second = connect(server);
    assert.equal(await first.service(Calculator).sum(1, 2), await second.service(Calculator).sum(2, 1));
    assert.equal(connections, 2);
  });

  it('loses its connection when the server is closed, and says so', async () => {
    const server = aServer();
    await using client = connect(server);
    await client.service(Calculator).sum(1, 2);
    await server.close();
    await assert.rejects(client.service(Calculator).sum(1, 2), {
      code: 'UNAVAILABLE',
      message: /calculator\.sum failed: .*(the server is shutting down|the server .* is closed)/,
    });
  });

  it('lets the server look after its connections as one that listens does', async () => {
    const clock = new FakeClock();
    const registry = memory();
    const server = createServer({ registry, clock, random: seededRandom(1), connectionAge: { maxMs: 10_000 } });
    server.add(Calculator, { sum: (x, y) => x + y, echo: (value) => value });
    let connections = 0;
    server.on('connectionOpened', () => connections++);
    await using client = connect(server, { clock });
    const sum = client.service(Calculator).sum(1, 2);
    await clock.advance(15_000);
    assert.deepEqual([await sum, connections], [3, 2]);
  });

  it('wants a server that createServer() made', () => {
    assert.throws(() => connect({} as never), {
      name: 'TypeError',
      message: 'connect: the server must be one that createServer() made',
    });
  });
});
