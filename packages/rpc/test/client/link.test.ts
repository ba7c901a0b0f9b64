import assert from 'node:assert/strict';
import type { RpcError } from '@org/rpc-core';
import { Greeter, World } from './world.js';

describe('the connection to an instance that left', () => {
  it('is never made anew once it is retired and its last call has ended', async () => {
    const world = new World();
    const a = world.start('a', 1);
    world.client.service(Greeter);
    await world.list(a);
    const held = world.client.service(Greeter).hold();
    await world.settle();
    world.registry.publish('greeter', [], { gone: 'left' });
    await world.settle();
    world.release(a);
    await held;
    await world.clock.advance(60_000);
    assert.equal(world.dials.length, 1);
    await world.client.close();
  });
});

describe('the connection to an address where another instance answers', () => {
  it('gives it no calls, repeats elsewhere what it had sent, and comes back ever more rarely', async () => {
    const world = new World();
    const stub = world.client.service(Greeter);
    const a = world.start('a', 1);
    const b = world.start('b', 2);
    await world.list(a, b);
    world.registry.loseSource();
    world.kill(a);
    world.start('usurper', a.port);
    await world.settle();
    world.dials.length = 0;
    for (let second = 0; second < 120; second++) {
      assert.equal(await stub.hello(), 'b');
      await world.clock.advance(1_000);
    }
    const again = world.dials.filter(({ address }) => address === 'h:1').length;
    assert.ok(again > 8 && again < 60, `${again} attempts in two minutes`);
    assert.match(world.node('a')!.error!, /this is instance "usurper", not "a"/);
    await world.client.close();
  });

  it('knows that a call which was sent there has not run', async () => {
    const world = new World();
    const stub = world.client.service(Greeter).with({ waitForReady: true, timeoutMs: 3_000 });
    const a = world.start('a', 1);
    world.start('usurper', a.port);
    const call = assert.rejects(stub.hold(), (error: RpcError) => {
      const progress = new Set(error.attempts.map((attempt) => attempt.progress));
      assert.deepEqual([progress.has('refused'), progress.has('maybe-processed')], [true, false]);
      return true;
    });
    await world.list(a);
    await world.clock.advance(3_000);
    await call;
    await world.client.close();
  });
});
