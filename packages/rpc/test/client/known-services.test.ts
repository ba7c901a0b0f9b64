import assert from 'node:assert/strict';
import { isRpcError } from '@org/rpc-core';
import { Greeter, World } from './world.js';

describe('the names of services that a client is asked for', () => {
  /** Calls methods of that many services of which nobody has heard, all to their end. */
  async function callStrangers(world: World, count: number, prefix: string): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (let index = 0; index < count; index++) {
      const name = `${prefix}${index}`;
      world.registry.publish(name, []);
      const call = world.client.call(name, 'anything', []) as Promise<unknown>;
      calls.push(call.catch((error: unknown) => isRpcError(error) && error.code));
    }
    await world.clock.advance(1_000);
    assert.deepEqual(new Set(await Promise.all(calls)), new Set(['UNAVAILABLE']));
    await world.clock.advance(1_000);
  }

  it('are followed up to a thousand, the least recently wanted first let go; those with an instance stay', async () => {
    const world = new World();
    await world.list(world.start('a', 1));
    await world.call();
    await callStrangers(world, 1, 'first');
    await callStrangers(world, 998, 'early');
    assert.equal(world.registry.watched().length, 1_000);
    await callStrangers(world, 1, 'late');
    const watched = new Set(world.registry.watched());
    assert.equal(watched.size, 1_000);
    assert.deepEqual([watched.has('greeter'), watched.has('first0'), watched.has('late0')], [true, false, true]);
    assert.equal(Object.keys(world.client.state().services).length, 1_000);
    await callStrangers(world, 200, 'flood');
    assert.equal(world.registry.watched().length, 1_000);
    assert.deepEqual(await world.answering(), ['a']);
    await world.client.close();
  });

  it('may be called anew by a stub that is older than that, under the rules of then', async () => {
    const world = new World();
    const greeter = world.client.service(Greeter);
    await world.list();
    await callStrangers(world, 1, 'first');
    const early = Promise.any([greeter.hello(), greeter.hold()]).catch(() => 'nobody');
    await world.clock.advance(1_000);
    assert.equal(await early, 'nobody');
    await callStrangers(world, 1_000, 'more');
    assert.equal(world.registry.watched().includes('greeter'), false);
    await world.list(world.start('a', 1));
    const late = greeter.hello();
    await world.clock.advance(10);
    assert.equal(await late, 'a');
    assert.equal(world.registry.watched().includes('greeter'), true);
    const timeout = { mode: 'on', percent: 100, timeoutMs: 300 };
    world.registry.publishRules('greeter', { schemaVersion: 1, version: 1, timeout });
    await world.clock.advance(300);
    const held = greeter.hold().catch((error: unknown) => isRpcError(error) && error.code);
    await world.clock.advance(400);
    assert.equal(await held, 'DEADLINE_EXCEEDED');
    await world.client.close();
  });

  it('are kept while a call waits for an instance', async () => {
    const world = new World();
    await world.list();
    const waiting = world.client.service(Greeter).with({ waitForReady: true, timeoutMs: 60_000 }).hello();
    await callStrangers(world, 1_000, 'more');
    await world.list(world.start('a', 1));
    await world.clock.advance(10);
    assert.equal(await waiting, 'a');
    await world.client.close();
  });

  it('may be let go while a call is still on its way in a layer: it finds those who came since', async () => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const world = new World({
      layers: {
        stream: [],
        unary: [
          (next) => async (call) => {
            if (call.service === 'greeter') await held;
            return next(call);
          },
        ],
      },
    });
    await world.list();
    const call = world.client.service(Greeter).with({ timeoutMs: 60_000 }).hello();
    await callStrangers(world, 1_000, 'more');
    assert.equal(world.registry.watched().includes('greeter'), false);
    await world.list(world.start('a', 1));
    release();
    await world.clock.advance(10);
    assert.equal(await call, 'a');
    await world.client.close();
  });
});
