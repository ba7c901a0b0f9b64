import assert from 'node:assert/strict';
import { isRpcError } from '@org/rpc-core';
import { Greeter, World } from './world.js';

describe('a broadcast', () => {
  it('calls every instance, and tells how each went', async () => {
    const world = new World();
    const [a, b, c] = [world.start('a', 1), world.start('b', 2), world.start('c', 3)];
    await world.list(a, b, c);
    assert.deepEqual(await world.answering(60), ['a', 'b', 'c']);
    world.kill(b);
    await world.settle();
    const broadcast = world.client.broadcast(Greeter, 'hello', []);
    await world.clock.advance(2_000);
    const outcomes = await broadcast;
    assert.deepEqual(
      outcomes.map(({ instance, endpoint, value, error }) => [instance, endpoint, value, error?.code]),
      [
        ['a', 'h:1', 'a', undefined],
        ['b', 'h:2', undefined, 'UNAVAILABLE'],
        ['c', 'h:3', 'c', undefined],
      ],
    );
    assert.match(outcomes[1]!.error!.message, /greeter\.hello failed/);
    await world.client.close();
  });

  it('waits for the first list, and gives an empty list where there is no instance', async () => {
    const world = new World();
    const early = world.client.broadcast(Greeter, 'hello', []);
    await world.list(world.start('a', 1));
    await world.clock.advance(100);
    assert.deepEqual(
      (await early).map(({ value }) => value),
      ['a'],
    );
    await world.list();
    await world.clock.advance(20_000);
    await world.client.close();
    await assert.rejects(world.client.broadcast(Greeter, 'hello', []), (error) => isRpcError(error, 'UNAVAILABLE'));
  });

  it('refuses what cannot be broadcast', async () => {
    const world = new World();
    await assert.rejects(
      world.client.broadcast(Greeter, 'helo' as 'hello', []),
      /no method "helo"; did you mean "hello"/,
    );
    await assert.rejects(world.client.broadcast('greeter', 'hello', 1 as never), /third parameter must be the list/);
    await world.client.close();
  });
});
