import assert from 'node:assert/strict';
import { Greeter, World } from './world.js';

describe('client.state()', () => {
  it('shows each service with its nodes: connected, listed, what they do and why they are down', async () => {
    const world = new World();
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    world.kill(b);
    const held = assert.rejects(world.client.service(Greeter).hold(), { code: 'UNAVAILABLE' });
    await world.list(a, b);
    const { fresh, ageMs, nodes } = world.client.state().services['greeter']!;
    assert.deepEqual([fresh, ageMs], [true, 0]);
    assert.deepEqual(
      nodes.map(({ latencyMs, ...node }) => {
        assert.ok(latencyMs > 0);
        return node;
      }),
      [
        {
          instance: 'a',
          endpoint: 'h:1',
          weight: 100,
          zone: undefined,
          version: undefined,
          tags: undefined,
          connection: 'ready',
          draining: false,
          available: true,
          listed: true,
          inFlight: 1,
          error: undefined,
          breakers: [],
          denies: [],
          ejected: undefined,
          failing: undefined,
          failingMethods: [],
        },
        {
          instance: 'b',
          endpoint: 'h:2',
          weight: 100,
          zone: undefined,
          version: undefined,
          tags: undefined,
          connection: 'backoff',
          draining: false,
          available: true,
          listed: true,
          inFlight: 0,
          error: 'connection refused: nothing listens there',
          breakers: [],
          denies: [],
          ejected: undefined,
          failing: undefined,
          failingMethods: [],
        },
      ],
    );
    await world.client.close();
    await held;
  });

  it('shows what drains and what is no longer listed, and the age of a list that nobody vouches for', async () => {
    const world = new World();
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    world.client.service(Greeter);
    await world.list(a, b);
    await world.list({ ...a, state: 'draining' });
    assert.equal(world.node('a')?.draining, true);
    assert.equal(world.node('b')?.listed, false);
    world.registry.loseSource();
    await world.clock.advance(7_000);
    const { fresh, ageMs } = world.client.state().services['greeter']!;
    assert.deepEqual([fresh, ageMs], [false, 7_000]);
    await world.client.close();
  });

  it('is a picture: it does not change afterwards', async () => {
    const world = new World();
    world.client.service(Greeter);
    const before = world.client.state();
    await world.list(world.start('a', 1));
    assert.deepEqual(before.services['greeter']?.nodes, []);
    assert.equal(world.client.state().services['greeter']?.nodes.length, 1);
    await world.client.close();
  });
});
