import assert from 'node:assert/strict';
import { createClient, createServer, defineService, memory, method } from '@org/rpc';
import { Greeter, World } from './world.js';

describe('the option acceptEndpoint', () => {
  it('keeps a client from connecting to what it refuses, and takes a node away that it refuses later', async () => {
    const world = new World({ acceptEndpoint: ({ port, tags }) => port !== 3 && tags?.['stop'] === undefined });
    const [a, b, c] = [world.start('a', 1), world.start('b', 2), world.start('c', 3)];
    world.client.service(Greeter);
    await world.list(a, b, c);
    assert.deepEqual(await world.answering(), ['a', 'b']);
    await world.list(a, { ...b, tags: { stop: 'yes' } }, c);
    assert.deepEqual(await world.answering(), ['a']);
    assert.equal(world.node('b'), undefined);
    assert.ok(!world.dials.some(({ address }) => address === 'h:3'));
    await world.client.close();
  });

  it('says what is missing when it refuses all', async () => {
    const world = new World({ acceptEndpoint: () => false });
    world.client.service(Greeter);
    await world.list(world.start('a', 1));
    await assert.rejects(world.call(), { code: 'UNAVAILABLE' });
    await world.client.close();
  });

  it('may let a process call itself', async () => {
    const Self = defineService('self', { id: method<() => string>() });
    const registry = memory();
    await using server = createServer({ registry, name: 'self' }).add(Self, { id: () => 'self' });
    await server.listen();
    await server.registered;
    await using client = createClient({ registry, acceptEndpoint: ({ id }) => id === 'self' });
    assert.equal(await client.service(Self).id(), 'self');
  });
});
