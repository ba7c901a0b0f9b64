import assert from 'node:assert/strict';
import type { Client } from '@org/rpc-client';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { defineService, method } from '@org/rpc-core';
import type { Registry } from '@org/rpc-registry';
import { EtcdError } from '../src/client/etcd-port.js';
import { openEtcdRegistry } from '../src/etcd-registry.js';
import { resolveEtcdOptions } from '../src/options.js';
import { connectTo } from './fake-etcd-port.js';
import { createWorld, type World } from './world.js';

const Greeter = defineService('greeter', { hello: method<() => string>() });
const RULES = { schemaVersion: 1, switch: { mode: 'on', methods: { hello: { enabled: false } } } };

/** A client whose registry is an etcd in memory, on virtual time, and when it put which version of rules into force. */
function setUp(world: World): { client: Client; applied: { version: number | undefined; at: number }[] } {
  const registry: Registry = {
    display: 'etcd',
    drainLeadMs: 0,
    open: (environment) =>
      openEtcdRegistry(resolveEtcdOptions({ hosts: ['a:2379'] }), environment, connectTo(world.etcd)),
  };
  const { clock } = world;
  const options = resolveClientOptions({ registry, clock, namespace: 'test', name: 'me' });
  const client: Client = new RpcClient(options, () => new Promise(() => {}));
  const applied: { version: number | undefined; at: number }[] = [];
  client.on('rulesApplied', ({ version }) => applied.push({ version, at: clock.now() }));
  client.service(Greeter);
  return { client, applied };
}

async function over<T>(world: World, work: Promise<T>): Promise<T> {
  for (let i = 0; i < 50; i++) await world.clock.advance(0);
  return work;
}

describe('rules in etcd and a client', () => {
  it('are in force within a second of being set, also when others were just before', async () => {
    const world = createWorld();
    const { client, applied } = setUp(world);
    await world.clock.advance(1_000);
    const { rulesStore } = world.open();
    const set: number[] = [];
    for (let version = 0; version < 20; version++) {
      await over(world, rulesStore!.set('greeter', RULES, version));
      set.push(world.clock.now());
      await world.clock.advance(version * 17);
    }
    await world.clock.advance(1_000);
    assert.equal(applied.at(-1)?.version, 20);
    for (const [index, at] of set.entries()) {
      const first = applied.find(({ version }) => version !== undefined && version >= index + 1);
      assert.ok(first !== undefined && first.at - at <= 1_000, `version ${index + 1} took ${(first?.at ?? 0) - at} ms`);
    }
    await over(world, client.close());
  });

  it('stay in force while etcd is away, and its client hears of what was set meanwhile when it is back', async () => {
    const world = createWorld();
    const { client, applied } = setUp(world);
    const { rulesStore } = world.open();
    await over(world, rulesStore!.set('greeter', RULES, 0));
    await world.clock.advance(1_000);
    world.etcd.fault = () => new EtcdError('unavailable', 'down');
    world.etcd.breakWatches();
    await world.clock.advance(600_000);
    assert.equal(client.state().services['greeter']?.rules?.version, 1);
    await assert.rejects(client.service(Greeter).hello(), /UNAVAILABLE: greeter.hello is switched off/);
    world.etcd.fault = () => undefined;
    await over(world, rulesStore!.set('greeter', { schemaVersion: 1 }, 1));
    await world.clock.advance(60_000);
    assert.deepEqual(
      applied.map(({ version }) => version),
      [1, 2],
    );
    await over(world, client.close());
  });

  it('are reported in etcd as long as the client is open', async () => {
    const world = createWorld();
    const { client } = setUp(world);
    const { rulesStore } = world.open();
    await over(world, rulesStore!.set('greeter', RULES, 0));
    await world.clock.advance(1_000);
    const [report] = await over(world, rulesStore!.reports('greeter'));
    assert.deepEqual([report?.instance, report?.status, report?.inForce], ['me', 'applied', 1]);
    await over(world, client.close());
    assert.deepEqual(await over(world, rulesStore!.reports('greeter')), []);
  });
});
