import assert from 'node:assert/strict';
import { askTroubles, type CallTrouble } from '@org/rpc-core';
import { Greeter, World } from './world.js';

const on = { mode: 'on', percent: 100 } as const;

describe('what rules in force do', () => {
  it('is counted by rule: what waits, what is refused, what is cut short, what a dark one would have done', async () => {
    const world = new World({ name: 'counted', concurrency: { max: 1_000, queue: 0 } });
    const a = world.start('a', 1);
    await world.list(a);
    const greeter = world.client.service(Greeter);
    await world.settle();
    let version = 0;
    const rule = async (rules: object): Promise<void> => {
      world.registry.publishRules('greeter', { schemaVersion: 1, version: ++version, ...rules });
      await world.clock.advance(200);
    };
    const counted = (): unknown[] =>
      askTroubles(1_000)
        .filter(({ client }: CallTrouble) => client === 'counted')
        .map(({ what, code, rule: by, count }) => [what, code, by, count]);
    const make = async (calls: number, method: 'hello' | 'hold', forMs = 0): Promise<void> => {
      const ends = Array.from({ length: calls }, () => greeter[method]().catch(() => {}));
      await world.settle();
      await world.clock.advance(forMs);
      await Promise.all(ends);
    };
    await rule({ rateLimit: { ...on, perSecond: 10, burst: 2, wait: false } });
    await make(5, 'hello');
    assert.deepEqual(counted(), [
      ['limited', undefined, 'rateLimit', 3],
      ['failed', 'RESOURCE_EXHAUSTED', undefined, 3],
    ]);
    await rule({ rateLimit: { ...on, perSecond: 10, burst: 1 } });
    await world.clock.advance(1_000);
    await make(3, 'hello', 1_000);
    assert.deepEqual(counted()[2], ['waited', undefined, 'rateLimit', 2]);
    await rule({ timeout: { ...on, methods: { hold: { timeoutMs: 50 } } } });
    await make(1, 'hold', 60);
    assert.deepEqual(counted()[3], ['failed', 'DEADLINE_EXCEEDED', 'timeout', 1]);
    await rule({ switch: { ...on, methods: { hello: { enabled: false } } } });
    await make(2, 'hello');
    assert.deepEqual(counted()[4], ['failed', 'UNAVAILABLE', 'switch', 2]);
    await rule({ switch: { ...on, mode: 'dark', methods: { hello: { enabled: false } } } });
    await make(4, 'hello');
    assert.deepEqual(counted()[5], ['would', undefined, 'switch', 4]);
    await world.client.close();
  });
});
