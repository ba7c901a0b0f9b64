import assert from 'node:assert/strict';
import type { ClientEvents } from '@org/rpc-client';
import { defineService, duplex, method, notify } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer, type ServerEvents } from '@org/rpc-server';
import { connect } from '@org/rpc-testkit';

const Old = defineService('texts', {
  join: method<(a: string, b: string) => string>({ idempotent: true }),
  note: method<(text: string) => void>(),
  drop: method<() => void>(),
});
const New = defineService('texts', {
  join: method<(a: string, b: string, c: string) => string>(),
  note: notify<(text: string) => void>(),
});
const handlers = { join: (a: string, b: string, c: string) => a + b + c, note: () => {} };

/** What is written on stderr while `run` runs. */
async function stderrOf(run: () => Promise<unknown>): Promise<string> {
  const real = process.stderr.write;
  let written = '';
  process.stderr.write = ((text: string) => {
    written += text;
    return true;
  }) as typeof real;
  try {
    await run();
  } finally {
    process.stderr.write = real;
  }
  return written;
}

describe('contracts that differ', () => {
  it('are told once on either side, with service, method and difference', async () => {
    const server = createServer({ registry: memory(), name: 'texts-2' }).add(New, handlers);
    const served: ServerEvents['contractDiffers'][0][] = [];
    server.on('contractDiffers', (event) => served.push(event));
    const told: ClientEvents['contractDiffers'][0][] = [];
    for (let i = 0; i < 2; i++) {
      const client = connect(server, { name: 'old' });
      client.on('contractDiffers', (event) => told.push(event));
      const texts = client.service(Old);
      for (let j = 0; j < 3; j++) assert.equal(await texts.join('a', 'b'), 'abundefined');
      await client.close();
    }
    const contract = [
      { method: 'drop', text: 'the server has no such method' },
      { method: 'join', text: 'idempotent to the client, which may repeat it, and not to the server' },
      { method: 'note', text: 'unary to the client, notify to the server' },
    ];
    const lacking = [
      {
        method: 'join',
        text: 'called with 2 arguments, and its handler declares 3 (one that may be left out needs a default value there)',
      },
    ];
    const service = 'texts';
    assert.deepEqual(
      served,
      [contract, lacking].map((differences) => ({ service, peer: 'memory:server', differences })),
    );
    // Each client for itself.
    const expected = [contract, lacking].map((differences) => ({
      service,
      instance: 'texts-2',
      endpoint: 'memory:1',
      differences,
    }));
    assert.deepEqual(told, [...expected, ...expected]);
  });

  it('are a line on stderr where nobody listens', async () => {
    const server = createServer({ registry: memory(), name: 'texts-2' }).add(New, handlers);
    const written = await stderrOf(async () => {
      const client = connect(server, { name: 'old' });
      const texts = client.service(Old);
      await texts.join('a', 'b');
      await texts.join('a', 'b');
      await client.close();
    });
    const lines = written.trim().split('\n');
    assert.equal(lines.length, 4, written);
    const list =
      /texts\.drop: the server has no such method; texts\.join: idempotent to .*; texts\.note: unary to the client, notify to the server$/;
    const isLacking = (line: string): boolean => line.includes('called with');
    assert.equal(lines.filter(isLacking).length, 2);
    for (const line of lines) if (!isLacking(line)) assert.match(line, list);
    assert.match(written, /^\[rpc\] server texts-2 and the client at memory:server have different contracts: /m);
    assert.match(written, /^\[rpc\] client old and the server texts-2 at memory:1 have different contracts: /m);
    for (const line of lines.filter(isLacking))
      assert.match(line, /texts\.join: called with 2 arguments, and its handler declares 3/);
  });

  it('are not told where they agree, an argument has a default, or schemas look at the arguments', async () => {
    const Agreed = defineService('texts', {
      join: method<(a: string, b?: string) => string>(),
      rest: method<(...all: string[]) => string>(),
      talk: duplex<(items: AsyncIterable<string>, room: string) => AsyncIterable<string>>(),
    });
    const server = createServer({ registry: memory() }).add(Agreed, {
      join: (a, b = '') => a + b,
      rest: (...all) => all.join(''),
      talk: (items, _room) => items,
    });
    const written = await stderrOf(async () => {
      const client = connect(server);
      const texts = client.service(Agreed);
      assert.equal(await texts.join('a'), 'a');
      assert.equal(await texts.rest(), '');
      for await (const item of texts.talk(['a'], 'room')) assert.equal(item, 'a');
      await client.close();
    });
    assert.equal(written, '');
  });

  it('count the arguments of streams without their items', async () => {
    const Talk = defineService('talk', {
      talk: duplex<(items: AsyncIterable<string>, room?: string) => AsyncIterable<string>>(),
    });
    const server = createServer({ registry: memory() }).add(Talk, {
      talk: (items, room) => (room === '' ? [] : items),
    });
    const texts: string[] = [];
    server.on('contractDiffers', ({ differences }) => texts.push(differences[0]!.text));
    const client = connect(server);
    client.on('contractDiffers', ({ differences }) => texts.push(differences[0]!.text));
    const talk = client.service(Talk);
    for (let i = 0; i < 3; i++) for await (const _ of talk.talk(['a']));
    await client.close();
    const text = /^called with 0 arguments, and its handler declares 1 /;
    assert.ok(texts.length === 1 || texts.length === 2);
    for (const each of texts) assert.match(each, text);
  });

  it('are compared by a client that calls by definition, and by none that calls by name', async () => {
    const server = createServer({ registry: memory() }).add(New, handlers);
    const told: string[] = [];
    server.on('contractDiffers', ({ differences }) => told.push(...differences.map((each) => each.method)));
    const named = connect(server);
    named.on('contractDiffers', () => told.push('client'));
    await named.call('texts', 'join', ['a', 'b', 'c']);
    await named.close();
    assert.equal(told.length, 0);
    const defined = connect(server);
    defined.on('contractDiffers', () => told.push('client'));
    await defined.call(Old, 'join', ['a', 'b']);
    await defined.close();
    assert.deepEqual([told.slice(0, 3), told.includes('client')], [['drop', 'join', 'note'], true]);
  });
});
