import assert from 'node:assert/strict';
import type { RpcError } from '@org/rpc-core';
import { Greeter, World } from './world.js';

const dark = { mode: 'dark', percent: 100 } as const;

async function darkly(rules: object) {
  const world = new World({ name: 'me' });
  const a = world.start('a', 1);
  await world.list(a);
  const greeter = world.client.service(Greeter);
  await world.settle();
  const effects: string[] = [];
  world.client.on('ruleWouldApply', ({ policy, count, effect }) => effects.push(`${policy} ${count}: ${effect}`));
  world.registry.publishRules('greeter', { schemaVersion: 1, version: 1, ...rules });
  await world.clock.advance(200);
  /** What was told of the calls so far. */
  const told = async (): Promise<readonly string[]> => {
    await world.clock.advance(1_000);
    return effects;
  };
  return { world, a, greeter, told };
}

describe('a dark rule that would have', () => {
  it('answered failures says how many, and answers none', async () => {
    const { world, a, greeter, told } = await darkly({ fallback: { ...dark, value: 'nobody' } });
    assert.equal(await greeter.hello(), 'a');
    world.kill(a);
    await world.settle();
    const failed = greeter.hello().catch(({ code }: RpcError) => code);
    await world.clock.advance(1_000);
    assert.equal(await failed, 'UNAVAILABLE');
    assert.deepEqual(await told(), ['fallback 1: its failure would have been answered']);
    await world.client.close();
  });

  it('done something to calls on purpose says what, and does nothing', async () => {
    const { world, greeter, told } = await darkly({ fault: { ...dark, methods: { hello: { errorPercent: 100 } } } });
    assert.equal(await greeter.hello(), 'a');
    assert.deepEqual(await told(), ['fault 1: it would have failed with UNAVAILABLE']);
    await world.client.close();
  });

  it('done something to calls says nothing of those that were given the policy themselves', async () => {
    const { world, greeter, told } = await darkly({ fault: { ...dark, errorPercent: 100 }, mirror: dark });
    assert.equal(await greeter.with({ fault: false }).hello(), 'a');
    assert.deepEqual(await told(), []);
    await world.client.close();
  });

  it('made calls twice counts those that may be, and makes none', async () => {
    const { world, greeter, told } = await darkly({ mirror: { ...dark, callPercent: 100 } });
    for (let i = 0; i < 3; i++) assert.equal(await greeter.with({ idempotent: true }).hello(), 'a');
    assert.equal(await greeter.hello(), 'a');
    assert.deepEqual(await told(), ['mirror 3: it would have been made a second time']);
    await world.client.close();
  });

  it('done nothing says nothing', async () => {
    const rules = { throttle: { ...dark, multiplier: 1 }, ejection: { ...dark, consecutive: 1 }, fallback: dark };
    const { world, greeter, told } = await darkly(rules);
    assert.equal(await greeter.hello(), 'a');
    assert.deepEqual(await told(), []);
    await world.client.close();
  });

  it('left a node alone says so once each time, and leaves none', async () => {
    const { world, a, told } = await darkly({ ejection: { ...dark, consecutive: 2 } });
    const b = world.start('b', 2);
    await world.list(a, b);
    await world.answering();
    let ejected = 0;
    world.client.on('ejected', () => ejected++);
    for (let i = 0; i < 6; i++) {
      const held = world.client.service(Greeter).hold();
      held.catch(() => {});
      await world.settle();
      world.cut(a);
      world.cut(b);
      await world.clock.advance(1_500);
    }
    const effects = (await told()).filter((effect) => effect.startsWith('ejection'));
    assert.ok(effects.length >= 1 && effects.length <= 3, effects.join('\n'));
    assert.match(effects[0]!, /^ejection 1: h:[12] would have been left alone$/);
    assert.equal(ejected, 0);
    await world.client.close();
  });
});
