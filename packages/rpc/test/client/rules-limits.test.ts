import assert from 'node:assert/strict';
import type { ClientOptions } from '@org/rpc-client';
import type { RpcError } from '@org/rpc-core';
import { Greeter, World } from './world.js';

const on = { mode: 'on', percent: 100 } as const;
const dark = { mode: 'dark', percent: 100 } as const;

async function setUp(options: ClientOptions = {}) {
  const world = new World({ name: 'me', ...options });
  const a = world.start('a', 1);
  await world.list(a);
  const greeter = world.client.service(Greeter);
  await world.settle();
  let version = 0;
  return {
    world,
    a,
    greeter,
    /** Other rules are in force. */
    rule: async (rules: object | undefined): Promise<void> => {
      version++;
      world.registry.publishRules('greeter', rules && { schemaVersion: 1, version, ...rules });
      await world.clock.advance(200);
    },
    /** How many of so many calls are answered now, and how the others end. */
    burst: async (count: number): Promise<[answered: number, codes: readonly string[]]> => {
      const ends: string[] = [];
      const end = (how: string): void => void ends.push(how);
      for (let i = 0; i < count; i++) greeter.hello().then(end, ({ code }: RpcError) => end(code));
      await world.settle();
      const codes = ends.filter((how) => how !== 'a');
      return [ends.length - codes.length, codes];
    },
  };
}

describe('a rule for rates', () => {
  it('bounds the calls of a service that had no bound, and takes it back', async () => {
    const { world, rule, burst } = await setUp();
    assert.equal((await burst(20))[0], 20);
    await rule({ rateLimit: { ...on, perSecond: 10, burst: 5, wait: false } });
    const [answered, codes] = await burst(20);
    assert.deepEqual([answered, new Set(codes)], [5, new Set(['RESOURCE_EXHAUSTED'])]);
    await rule(undefined);
    assert.equal((await burst(20))[0], 20);
    await world.client.close();
  });

  it('is named by who is refused, and no more once it is taken back', async () => {
    const { world, greeter, rule, burst } = await setUp({ rateLimit: { perSecond: 10, burst: 1, wait: false } });
    let limitedBy: RpcError['limitedBy'];
    const refusal = (): Promise<string> =>
      greeter.hello().then(
        () => '',
        (error: RpcError) => {
          limitedBy = error.limitedBy;
          return error.message;
        },
      );
    await rule({ rateLimit: { ...on, perSecond: 1, burst: 1, wait: false } });
    await burst(1);
    assert.match(
      await refusal(),
      /is 1 calls per second, by version 1 of the rules of greeter: slow down, or raise the limit/,
    );
    assert.deepEqual(limitedBy, { policy: 'rateLimit', setBy: 'rule', rulesVersion: 1 });
    await rule({ concurrency: { ...on, max: 1, queue: 0 } });
    const held = greeter.hold().catch(() => {});
    await world.settle();
    assert.match(await refusal(), /1 call of .+ under way in this client, the limit, by version 2 of the rules of /);
    await rule(undefined);
    await burst(12);
    assert.match(await refusal(), /is 10 calls per second: slow down, or raise the limit/);
    await world.client.close();
    await held;
  });

  it('changes what is given, keeps what has been used, and leaves the rest as it is', async () => {
    const { world, rule, burst } = await setUp({ rateLimit: { perSecond: 1_000, burst: 1_000 } });
    await rule({ rateLimit: { ...on, perSecond: 1, burst: 10, wait: false } });
    assert.equal((await burst(8))[0], 8);
    await rule({ rateLimit: { ...on, perSecond: 0.1, burst: 10, wait: false } });
    // Two of ten are left, though the document is another one.
    assert.equal((await burst(10))[0], 2);
    await world.client.close();
  });

  it('is for one method where it names it', async () => {
    const { world, rule, burst } = await setUp();
    await rule({ rateLimit: { ...on, methods: { hold: { perSecond: 1, burst: 1 } } } });
    assert.equal((await burst(20))[0], 20);
    await rule({ rateLimit: { ...on, methods: { hello: { perSecond: 1, burst: 3, wait: false } } } });
    assert.equal((await burst(20))[0], 3);
    await world.client.close();
  });

  it('wakes who waits when it is taken back', async () => {
    const { world, rule, greeter, burst } = await setUp();
    await rule({ rateLimit: { ...on, perSecond: 0.05, burst: 1 } });
    assert.equal((await burst(1))[0], 1);
    const waiting = greeter.with({ timeoutMs: 60_000 }).hello();
    await world.settle();
    await rule(undefined);
    await world.settle();
    assert.equal(await waiting, 'a');
    assert.equal(world.clock.now(), 1_400, 'without another call');
    await world.client.close();
  });
});

describe('a rule for calls at once', () => {
  it('bounds them, and counts those that began under it', async () => {
    const { world, a, rule, greeter } = await setUp();
    await rule({ concurrency: { ...on, methods: { hold: { max: 2 } } } });
    const held = [greeter.hold(), greeter.hold()];
    await world.settle();
    await assert.rejects(greeter.hold(), { code: 'RESOURCE_EXHAUSTED' });
    await rule({ concurrency: { ...on, methods: { hold: { max: 3 } } } });
    held.push(greeter.hold());
    await world.settle();
    await assert.rejects(greeter.hold(), /3 calls of greeter.hold are under way/);
    world.release(a);
    await world.settle();
    assert.deepEqual(await Promise.all(held), ['a has held', 'a has held', 'a has held']);
    assert.equal(await greeter.hold(), 'a has held');
    await world.client.close();
  });
});

describe('dark rules for limits', () => {
  it('let all calls pass, and count those that would have waited or been refused', async () => {
    const { world, a, rule, greeter, burst } = await setUp();
    await rule({
      rateLimit: { ...dark, perSecond: 1, burst: 5 },
      concurrency: { ...dark, methods: { hold: { max: 1, queue: 10 } } },
    });
    const policies = () => world.client.state().services['greeter']!.rules!.policies;
    assert.equal((await burst(20))[0], 20);
    assert.equal(policies().rateLimit.wouldApply, 15);
    const held = [greeter.hold(), greeter.hold(), greeter.hold()];
    await world.settle();
    world.release(a);
    assert.equal((await Promise.all(held)).length, 3);
    assert.equal(policies().concurrency.wouldApply, 2);
    assert.equal(await greeter.hold(), 'a has held');
    assert.equal(policies().concurrency.wouldApply, 2);
    await world.client.close();
  });
});

describe('a rule for the retry budget', () => {
  /** How often a call was sent whose connection is lost each time. */
  async function attempts(rules: object | undefined): Promise<number> {
    const { world, a, rule, greeter } = await setUp();
    await rule(rules);
    const failed = greeter.with({ idempotent: true, timeoutMs: 5_000 }).hold();
    let count = 0;
    failed.catch((error: RpcError) => {
      count = error.attempts.length;
    });
    for (let i = 0; i < 60; i++) {
      await world.clock.advance(100);
      world.cut(a);
    }
    await world.client.close();
    return count;
  }

  it('stops repeats, which others may make', async () => {
    assert.equal(await attempts({ retryBudget: { ...on, repeatPercent: 0, minPerSecond: 0 } }), 1);
    assert.ok((await attempts(undefined)) > 1);
  });
});
