import assert from 'node:assert/strict';
import { isRpcError, systemClock } from '@org/rpc-core';
import { modesOf } from '@org/rpc-core/internal';
import type { Registry, RulesReport } from '@org/rpc-registry';
import { rulesContract } from '@org/rpc-testkit';
import { FakeEtcd } from '../../test/fake-etcd.js';
import { connectTo } from '../../test/fake-etcd-port.js';
import { createWorld, type World } from '../../test/world.js';
import { EtcdError } from '../client/etcd-port.js';
import { openEtcdRegistry } from '../etcd-registry.js';
import { resolveEtcdOptions } from '../options.js';

rulesContract('etcd in memory', async () => {
  const etcd = new FakeEtcd(systemClock);
  const registry: Registry = {
    display: 'fake',
    drainLeadMs: 0,
    open: (environment) => openEtcdRegistry(resolveEtcdOptions({ hosts: ['a:2379'] }), environment, connectTo(etcd)),
  };
  return { registry, close: async () => assert.equal(etcd.watches.size, 0) };
});

const KEY = '/rpc/test/rules/shop';
const REPORT: RulesReport = {
  instance: 'me',
  status: 'applied',
  version: 1,
  reason: undefined,
  inForce: 1,
  policies: { ...modesOf(() => 'off'), retry: 'on' },
  at: 5,
};
const REPORT_KEY = '/rpc/test/rules-reports/shop/me';
const RULES = { schemaVersion: 1, retry: { mode: 'on', max: 1 } };

/** Lets calls that were begun end, as far as they do without waiting. */
async function settled<T>(world: World, work: Promise<T>): Promise<T> {
  const ended = work.then(
    () => true,
    () => true,
  );
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (let i = 0; i < 1_000 && !isOver; i++) await world.clock.advance(i < 100 ? 0 : 100);
  return work;
}

describe('rules in etcd', () => {
  it('lie under keys that people can find', async () => {
    const world = createWorld();
    const handle = world.open();
    await settled(world, handle.rulesStore!.set('shop', RULES, 0));
    handle.rules!.report('shop', 'me', REPORT);
    await world.clock.advance(0);
    assert.deepEqual(world.etcd.keys, ['/rpc/test/rules-history/shop/0000000000000001', REPORT_KEY, KEY]);
    assert.notEqual(world.etcd.get(REPORT_KEY)?.leaseId, '0');
    assert.equal(world.etcd.get(KEY)?.leaseId, '0');
    await settled(world, handle.close());
    assert.deepEqual(world.etcd.keys, ['/rpc/test/rules-history/shop/0000000000000001', KEY]);
    assert.equal(world.clock.pending, 0);
  });

  it('take the room of 50 documents a service', async () => {
    const world = createWorld();
    const { rulesStore: store } = world.open();
    for (let version = 0; version < 55; version++) await settled(world, store!.set('shop', RULES, version));
    const kept = world.etcd.keys.filter((key) => key.includes('/rules-history/'));
    assert.deepEqual([kept.length, kept[0]?.slice(-2), kept[49]?.slice(-2)], [50, '06', '55']);
  });

  it('are a conflict too when somebody has set and deleted others since they were read', async () => {
    const world = createWorld();
    const { rulesStore: store } = world.open();
    world.etcd.fault = (call) => {
      if (call === 'transact') world.etcd.put('/rpc/test/rules-history/shop/0000000000000001', 'theirs');
      return undefined;
    };
    await assert.rejects(settled(world, store!.set('shop', RULES, 0)), (error) => isRpcError(error, 'ABORTED'));
    assert.equal(world.etcd.text('/rpc/test/rules-history/shop/0000000000000001'), 'theirs');
  });

  it('hold during an outage, and are read anew after it', async () => {
    const world = createWorld();
    const handle = world.open();
    const texts: (string | undefined)[] = [];
    world.etcd.put(KEY, 'first');
    handle.rules!.watch('shop', (text) => texts.push(text));
    await world.clock.advance(0);
    world.etcd.fault = () => new EtcdError('unavailable', 'down');
    world.etcd.breakWatches();
    await world.clock.advance(120_000);
    assert.deepEqual(texts, ['first']);
    world.etcd.put(KEY, 'second');
    world.etcd.fault = () => undefined;
    await world.clock.advance(120_000);
    assert.deepEqual(texts, ['first', 'second']);
    await settled(world, handle.close());
  });

  it('come to nobody who does not ask, by one watch for all who do', async () => {
    const world = createWorld();
    const handle = world.open();
    assert.equal(world.etcd.watches.size, 0);
    const [one, two] = [handle.rules!.watch('shop', () => {}), handle.rules!.watch('shop', () => {})];
    await world.clock.advance(0);
    assert.equal(world.etcd.watches.size, 1);
    one.close();
    assert.equal(world.etcd.watches.size, 1);
    two.close();
    assert.equal(world.etcd.watches.size, 0);
    await settled(world, handle.close());
  });

  it('of any size are cut before they are looked at', async () => {
    const world = createWorld();
    const handle = world.open();
    const lengths: (number | undefined)[] = [];
    world.etcd.put(KEY, 'x'.repeat(1_400_000));
    handle.rules!.watch('shop', (text) => lengths.push(text?.length));
    await world.clock.advance(0);
    assert.deepEqual(lengths, [65_537]);
    await settled(world, handle.close());
  });

  it('that somebody has written past the tools are shown with what is wrong, and can be replaced', async () => {
    const world = createWorld();
    const { rulesStore: store } = world.open();
    world.etcd.put(KEY, '{"schemaVersion":1');
    const stored = await settled(world, store!.get('shop'));
    assert.deepEqual([stored?.version, stored?.document, stored?.text], [0, undefined, '{"schemaVersion":1']);
    assert.match(stored?.problem ?? '', /it is not JSON/);
    assert.equal((await settled(world, store!.set('shop', RULES, 0))).version, 1);
  });

  it('that were written without an answer count as written', async () => {
    const world = createWorld();
    const { rulesStore: store } = world.open();
    world.etcd.fault = (call) => (call === 'transact' ? 'loseAnswer' : undefined);
    assert.equal((await settled(world, store!.set('shop', RULES, 0))).version, 1);
  });

  it('that could not be written are an error which says so', async () => {
    const world = createWorld();
    const { rulesStore: store } = world.open();
    world.etcd.fault = () => new EtcdError('unavailable', 'down');
    await assert.rejects(settled(world, store!.set('shop', RULES, 0)), (error) => {
      assert.ok(isRpcError(error, 'UNAVAILABLE'));
      assert.equal(error.reason, 'cannot read the rules of "shop": down');
      return true;
    });
  });

  it('that may not be read are told of once, and harm nothing else', async () => {
    const world = createWorld();
    const handle = world.open();
    world.etcd.fault = (call) => (call === 'range' ? new EtcdError('denied', 'no permission') : undefined);
    handle.rules!.watch('shop', () => assert.fail());
    await world.clock.advance(200_000);
    assert.deepEqual(
      world.events.map(({ kind, message }) => `${kind}: ${message}`),
      ['invalidEntry: the rules of shop are not followed: no permission'],
    );
    await settled(world, handle.close());
  });
});

describe('a report on rules in etcd', () => {
  it('stays as long as its client lives, and goes a minute after it died', async () => {
    const world = createWorld();
    const handle = world.open();
    handle.rules!.report('shop', 'me', REPORT);
    await world.clock.advance(600_000);
    assert.deepEqual(await settled(world, handle.rulesStore!.reports('shop')), [REPORT]);
    world.etcd.fault = (call) => (call === 'keepAliveOnce' ? 'hang' : undefined);
    await world.clock.advance(90_000);
    world.etcd.expire();
    assert.equal(world.etcd.get(REPORT_KEY), undefined);
    await settled(world, handle.close());
  });

  it('is written anew when its lease is lost, and when etcd was away', async () => {
    const world = createWorld();
    const handle = world.open();
    handle.rules!.report('shop', 'me', REPORT);
    await world.clock.advance(0);
    world.etcd.revoke(world.etcd.leaseIds[0]!);
    await world.clock.advance(60_000);
    assert.ok(world.etcd.get(REPORT_KEY) !== undefined);
    world.etcd.fault = () => new EtcdError('unavailable', 'down');
    handle.rules!.report('shop', 'me', { ...REPORT, version: 2 });
    await world.clock.advance(10_000);
    world.etcd.fault = () => undefined;
    await world.clock.advance(60_000);
    assert.match(world.etcd.text(REPORT_KEY) ?? '', /"version":2/);
    await settled(world, handle.close());
  });

  it('of somebody else, or of nobody, is left out', async () => {
    const world = createWorld();
    const { rulesStore: store } = world.open();
    world.etcd.put(REPORT_KEY, JSON.stringify({ ...REPORT, instance: 'you' }));
    world.etcd.put('/rpc/test/rules-reports/shop/a', 'nothing');
    world.etcd.put('/rpc/test/rules-reports/shop/b', '{"instance":"b"}');
    world.etcd.put('/rpc/test/rules-reports/shop/c', JSON.stringify({ ...REPORT, instance: 'c', policies: null }));
    const reports = await settled(world, store!.reports('shop'));
    assert.deepEqual(
      reports.map(({ instance, policies }) => [instance, policies.retry]),
      [['c', 'off']],
    );
  });

  it('is not there before anything was said, and costs nothing', async () => {
    const world = createWorld();
    const handle = world.open();
    handle.rules!.report('shop', 'me', undefined);
    await world.clock.advance(100_000);
    assert.deepEqual([world.etcd.calls, world.etcd.leaseIds], [[], []]);
    await settled(world, handle.close());
  });
});
