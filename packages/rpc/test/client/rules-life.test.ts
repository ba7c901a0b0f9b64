import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import type { ClientEvents, ClientOptions } from '@org/rpc-client';
import type { RpcError } from '@org/rpc-core';
import { modesOf } from '@org/rpc-core/internal';
import { direct } from '@org/rpc-registry';
import { Greeter, World } from './world.js';

const on = { mode: 'on', percent: 100 } as const;
const dark = { mode: 'dark', percent: 100 } as const;

async function setUp(options: ClientOptions = {}): Promise<World> {
  const world = new World({ name: 'me', ...options });
  await world.list(world.start('a', 1));
  world.client.service(Greeter);
  await world.settle();
  return world;
}

function document(version: number, rules: object = {}): object {
  return { schemaVersion: 1, version, ...rules };
}

const rulesOf = (world: World) => world.client.state().services['greeter']?.rules;

describe('a document of rules', () => {
  it('that is wrong changes nothing, and is told of with instance, version and reason', async () => {
    const world = await setUp();
    const rejected: ClientEvents['rulesRejected'][0][] = [];
    world.client.on('rulesRejected', (event) => rejected.push(event));
    world.registry.publishRules('greeter', document(1, { switch: { ...on, methods: { hello: { enabled: false } } } }));
    await world.clock.advance(200);
    world.registry.publishRules('greeter', document(2, { retry: { ...on, max: 11 } }));
    await world.clock.advance(200);
    const reason = 'rules: retry.max must be an integer from 0 to 10, got 11';
    assert.deepEqual(rejected, [{ service: 'greeter', instance: 'me', version: 2, reason, inForce: 1 }]);
    assert.deepEqual([rulesOf(world)?.version, rulesOf(world)?.rejected], [1, { version: 2, reason }]);
    assert.equal(await world.call().catch((error: RpcError) => error.code), 'UNAVAILABLE');
    const report = [...world.registry.ruleReports('greeter').values()].find(({ instance }) => instance === 'me');
    assert.deepEqual([report?.status, report?.version, report?.reason, report?.inForce], ['rejected', 2, reason, 1]);
    await world.client.close();
  });

  it('that nobody can read is told of without a version', async () => {
    const world = await setUp();
    const rejected: (number | undefined)[] = [];
    world.client.on('rulesRejected', ({ version }) => rejected.push(version));
    for (const text of ['', 'null', '[1', '{"version":"x"}', 'x'.repeat(1_400_000), '['.repeat(60_000)]) {
      world.registry.publishRules('greeter', text);
      await world.clock.advance(200);
    }
    assert.deepEqual(
      rejected,
      Array.from({ length: 6 }, () => undefined),
    );
    assert.equal(await world.call(), 'a');
    await world.client.close();
  });

  it('that is right is reported to the registry, and taken back when it is deleted', async () => {
    const world = await setUp();
    world.registry.publishRules(
      'greeter',
      document(3, { retry: { ...on, max: 1 }, timeout: { ...dark, timeoutMs: 5 } }),
    );
    await world.clock.advance(200);
    const report = [...world.registry.ruleReports('greeter').values()].find(({ instance }) => instance === 'me');
    const policies = { ...modesOf(() => 'off'), timeout: 'dark', retry: 'on' };
    assert.deepEqual(
      { ...report, at: 0 },
      {
        ...{ instance: 'me', process: `${hostname()}:${process.pid}`, hasCalled: false },
        ...{ status: 'applied', version: 3, reason: undefined, inForce: 3, policies, at: 0 },
      },
    );
    // Who has a service open and never calls it follows its rules all the same.
    await world.call();
    await world.clock.advance(1_000);
    assert.equal([...world.registry.ruleReports('greeter').values()][0]?.hasCalled, true);
    world.registry.publishRules('greeter', undefined);
    await world.clock.advance(200);
    assert.equal(world.registry.ruleReports('greeter').size, 0);
    await world.client.close();
  });

  it('is not reported on by clients that have seen none', async () => {
    const world = await setUp();
    world.registry.publishRules('greeter', undefined);
    await world.clock.advance(1_000);
    assert.equal(world.registry.ruleReports('greeter').size, 0);
    assert.equal(rulesOf(world), undefined);
    await world.client.close();
  });

  it('is put into force at once, and the next ones at most every 200 ms, of which the last wins', async () => {
    const world = await setUp();
    const applied: string[] = [];
    world.client.on('rulesApplied', ({ version }) => applied.push(`${version} at ${world.clock.now() - start}`));
    const start = world.clock.now();
    for (let version = 1; version <= 60; version++) {
      world.registry.publishRules('greeter', document(version));
      await world.clock.advance(10);
    }
    await world.clock.advance(200);
    assert.deepEqual(applied, ['1 at 0', '20 at 200', '40 at 400', '60 at 600']);
    await world.client.close();
  });

  it('that says the same once more is no news', async () => {
    const world = await setUp();
    let applied = 0;
    world.client.on('rulesApplied', () => applied++);
    for (let i = 0; i < 3; i++) {
      world.registry.publishRules('greeter', document(1));
      await world.clock.advance(300);
    }
    assert.equal(applied, 1);
    await world.client.close();
  });

  it('that comes back before another was looked at is no news either', async () => {
    const world = await setUp();
    let applied = 0;
    world.client.on('rulesApplied', () => applied++);
    for (const version of [1, 2, 1]) {
      world.registry.publishRules('greeter', document(version));
      await world.clock.advance(50);
    }
    await world.clock.advance(1_000);
    assert.equal(applied, 1);
    await world.client.close();
  });

  it('leaves limits, breakers and what is known of nodes as they were', async () => {
    const world = await setUp({ rateLimit: { perSecond: 0.001, burst: 2, wait: false } });
    assert.equal(await world.call(), 'a');
    const latencyMs = world.node('a')?.latencyMs;
    world.registry.publishRules(
      'greeter',
      document(1, { weight: { ...on, endpoints: { a: 7 } }, retry: { ...on, max: 5 } }),
    );
    await world.clock.advance(0);
    assert.equal(world.node('a')?.latencyMs, latencyMs);
    assert.equal(await world.call(), 'a');
    assert.equal(await world.call().catch((error: RpcError) => error.code), 'RESOURCE_EXHAUSTED');
    await world.client.close();
  });

  it('is not watched for any more when the client is closed', async () => {
    const world = await setUp();
    world.registry.publishRules('greeter', document(1));
    await world.settle();
    world.registry.publishRules('greeter', document(2));
    await world.settle();
    await world.client.close();
    const timers = world.clock.pending;
    await world.clock.advance(1_000);
    // The one is that of the server, which goes on.
    assert.deepEqual([timers, rulesOf(world)?.version], [1, 1]);
  });

  it('is unknown to registries without rules', async () => {
    const world = new World({ registry: direct(['h:1']) });
    world.start('a', 1);
    assert.equal(await world.call(), 'a');
    assert.equal(rulesOf(world), undefined);
    await world.client.close();
  });
});

describe('a dark rule', () => {
  async function darkly(rules: object): Promise<{ world: World; told: ClientEvents['ruleWouldApply'][0][] }> {
    const world = await setUp();
    const told: ClientEvents['ruleWouldApply'][0][] = [];
    world.client.on('ruleWouldApply', (event) => told.push(event));
    world.registry.publishRules('greeter', document(4, rules));
    await world.clock.advance(200);
    return { world, told };
  }

  it('that switches off refuses nothing, and counts what it would have refused', async () => {
    const { world, told } = await darkly({ switch: { ...dark, methods: { hello: { enabled: false } } } });
    for (let i = 0; i < 3; i++) assert.equal(await world.call(), 'a');
    assert.equal(rulesOf(world)?.policies.switch.wouldApply, 3);
    await world.clock.advance(1_000);
    const effect = 'it would have been refused';
    assert.deepEqual(told, [
      { service: 'greeter', policy: 'switch', version: 4, count: 3, total: 3, method: 'hello', effect },
    ]);
    await world.client.close();
  });

  it('is told of at most once a second, with all that happened in it, and not while nothing does', async () => {
    const { world, told } = await darkly({ switch: { ...dark, methods: { hello: { enabled: false } } } });
    for (let i = 0; i < 25; i++) {
      assert.equal(await world.call(), 'a');
      await world.clock.advance(100);
    }
    await world.clock.advance(10_000);
    assert.ok(told.length <= 4, `${told.length} events`);
    assert.equal(
      told.reduce((sum, { count }) => sum + count, 0),
      25,
    );
    assert.equal(told.at(-1)?.total, 25);
    await world.client.close();
  });

  it('for the timeout lets slow calls live, and counts those that it would have ended', async () => {
    const { world } = await darkly({ timeout: { ...dark, timeoutMs: 100 } });
    const slow = world.client.service(Greeter).hold();
    await world.clock.advance(300);
    world.release({ id: 'a', host: 'h', port: 1, weight: 100, state: 'up' });
    await world.settle();
    assert.equal(await slow, 'a has held');
    assert.equal(await world.call(), 'a');
    assert.equal(rulesOf(world)?.policies.timeout.wouldApply, 1);
    await world.client.close();
  });

  it('for the timeout says nothing of calls that have their own', async () => {
    const { world } = await darkly({ timeout: { ...dark, timeoutMs: 100 } });
    const own = world.client.service(Greeter).with({ timeoutMs: 300 }).hold();
    const failed = own.catch((error: RpcError) => error.code);
    await world.clock.advance(400);
    assert.equal(await failed, 'DEADLINE_EXCEEDED');
    assert.equal(rulesOf(world)?.policies.timeout.wouldApply, 0);
    await world.client.close();
  });

  it('for retries repeats as ever, and counts the calls that it would have repeated less', async () => {
    const { world } = await darkly({ retry: { ...dark, max: 0 } });
    const call = world.client.service(Greeter).with({ idempotent: true, timeoutMs: 900, attemptTimeoutMs: 50 }).hold();
    const attempts = call.catch((error: RpcError) => error.attempts.length);
    await world.clock.advance(1_000);
    assert.equal(await attempts, 3);
    assert.equal(rulesOf(world)?.policies.retry.wouldApply, 1);
    await world.client.close();
  });

  it('for weights leaves them, and counts the calls to nodes that would weigh otherwise', async () => {
    const { world } = await darkly({ weight: { ...dark, endpoints: { a: 5, b: 100 } } });
    await world.list(world.start('a', 1), world.start('b', 2));
    assert.deepEqual(await world.answering(40), ['a', 'b']);
    const count = rulesOf(world)?.policies.weight.wouldApply ?? 0;
    assert.ok(count > 0 && count < 40, `${count} of 40`);
    await world.client.close();
  });

  it('begins to count anew with another document', async () => {
    const { world } = await darkly({ switch: { ...dark, methods: { hello: { enabled: false } } } });
    await world.call();
    world.registry.publishRules(
      'greeter',
      document(5, { switch: { ...dark, methods: { hello: { enabled: false } } } }),
    );
    await world.clock.advance(200);
    assert.equal(rulesOf(world)?.policies.switch.wouldApply, 0);
    await world.client.close();
  });
});
