import assert from 'node:assert/strict';
import { Greeter, World } from './world.js';

describe('a client that uses a part of the instances', () => {
  it('connects to these alone, and to another in place of one that goes', async () => {
    const world = new World({ name: 'me', subset: { size: 3 } });
    const all = Array.from({ length: 8 }, (_, index) => world.start(`s${index}`, index + 1));
    await world.list(...all);
    const used = await world.answering(60);
    assert.equal(used.length, 3);
    assert.equal(new Set(world.dials.map(({ address }) => address)).size, 3);
    const rest = all.filter(({ id }) => id !== used[0]);
    world.kill(all.find(({ id }) => id === used[0])!);
    await world.list(...rest);
    await world.clock.advance(1_000);
    const now = await world.answering(60);
    assert.equal(now.length, 3);
    assert.deepEqual(
      used.slice(1).filter((id) => now.includes(id)),
      used.slice(1),
    );
    await assert.rejects(world.client.broadcast('greeter', 'hello', []), /this client uses a part of the instances/);
    await world.client.close();
  });

  it('finishes what it has begun at one that another takes the place of', async () => {
    const world = new World({ name: 'me', subset: { size: 1 } });
    const all = Array.from({ length: 8 }, (_, index) => world.start(`s${index}`, index + 1));
    // The others come later; one of them fits better than the first.
    await world.list(all[3]!);
    const held = world.client.service(Greeter).hold();
    await world.settle();
    await world.list(...all);
    await world.clock.advance(1_000);
    assert.notDeepEqual(await world.answering(), ['s3']);
    world.release(all[3]!);
    await world.settle();
    assert.equal(await held, 's3 has held');
    await world.client.close();
  });
});
