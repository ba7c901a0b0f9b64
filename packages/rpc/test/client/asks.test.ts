import assert from 'node:assert/strict';
import { p2c } from '@org/rpc-client';
import { connect } from '@org/rpc-testkit';
import { Greeter, World } from './world.js';

/** The servers that answer when all the calls that `a` works on are those of another client. */
async function answering(world: World): Promise<string[]> {
  const [a, b] = [world.start('a', 1), world.start('b', 2)];
  await world.list(a, b);
  await world.answering();
  const other = connect(world.server(a), { clock: world.clock });
  for (let i = 0; i < 30; i++) void other.service(Greeter).hold();
  // What was said before is no news any more.
  await world.clock.advance(1_000);
  assert.equal(world.server(a).running, 30);
  const answered = await world.answering();
  world.release(a);
  await world.clock.advance(1_000);
  assert.deepEqual(await world.answering(), ['a', 'b']);
  await other.close();
  await world.client.close();
  return answered;
}

describe('a client that asks how busy servers are', () => {
  it('goes to the one that has less to do, whoever gave the other its work', async () => {
    assert.deepEqual(await answering(new World({ balancer: p2c({ asks: true }) })), ['b']);
  });

  it('would go to both if it did not', async () => {
    assert.deepEqual(await answering(new World()), ['a', 'b']);
  });
});
