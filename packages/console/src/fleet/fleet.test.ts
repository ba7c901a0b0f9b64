import assert from 'node:assert/strict';
import { createServer } from '@org/rpc';
import { defineService, method } from '@org/rpc-core';
import { fleetRig, Shop, until } from '../../test/fleet-rig.js';
import { calledMethods } from './caller-views.js';

const Stock = defineService('stock', { count: method<() => number>() });
const TOKEN = 'sixteen-or-more-letters';

describe('a fleet', () => {
  it('has every instance with what it tells of itself, and who calls it', async () => {
    await using rig = fleetRig();
    await rig.serve({ name: 'one', zone: 'a', version: '1.2.3', weight: 50 });
    await until(() => rig.fleet.isSettled && rig.fleet.view().instances.length === 1);
    const shop = rig.client.service(Shop);
    for (let n = 0; n < 20; n++) await shop.find('tea');
    await assert.rejects(shop.fail());
    const told = () => rig.fleet.traffic.pairs(rig.fleet.second, 60);
    await until(() => told().reduce((sum, { flow }) => sum + flow.calls, 0) === 21);
    const [find, fail] = told();
    assert.deepEqual(find!.pair, { service: 'shop', method: 'find', kind: 'unary', caller: 'web', instance: 'one' });
    assert.deepEqual([find!.flow.calls, fail!.flow.codes.get('INTERNAL')], [20, 1]);
    const { instances, services, edges } = rig.fleet.view();
    const { id, zone, version, weight, report, server, services: own } = instances[0]!;
    assert.deepEqual([id, zone, version, weight, report, own], ['one', 'a', '1.2.3', 50, 'answered', ['shop']]);
    assert.equal(server!.status, 'serving');
    assert.ok(instances[0]!.loopLagWorstMs! >= instances[0]!.loopLagMs!);
    assert.deepEqual(
      services.map(({ name, methods }) => [name, methods.map((each) => each.name)]),
      [['shop', ['fail', 'find']]],
    );
    assert.deepEqual(
      edges.map(({ caller, instance, service }) => [caller, instance, service]),
      [['web', 'one', 'shop']],
    );
  });

  it('has a page of each caller: what it calls, of which processes it is, and what they have open', async () => {
    await using rig = fleetRig();
    await rig.serve({ name: 'one' });
    await until(() => rig.fleet.isSettled && rig.fleet.view().instances.length === 1);
    const shop = rig.client.service(Shop);
    rig.client.service(Stock);
    for (let n = 0; n < 10; n++) await shop.find('tea');
    const caller = () => rig.fleet.view().callers.find(({ name }) => name === 'web');
    const past = () => calledMethods('web', rig.fleet.traffic.pairs(rig.fleet.second, 60));
    await until(() => past()[0]?.calls === 10 && caller()!.opened[0]?.hasCalled === true);
    const { instances, processes, opened } = caller()!;
    assert.deepEqual([instances, processes], [['one'], 1]);
    assert.deepEqual(opened, [
      { service: 'shop', hasCalled: true },
      { service: 'stock', hasCalled: false },
    ]);
    const { service, method: name, instance, errors, p50 } = past()[0]!;
    assert.deepEqual([service, name, instance, errors], ['shop', 'find', 'one', 0]);
    assert.ok(p50! > 0);
    assert.deepEqual(calledMethods('somebody else', rig.fleet.traffic.pairs(rig.fleet.second, 60)), []);
    await until(() => caller()!.rate.perSecond > 0);
  });

  it('says that the methods of a service cannot be tried when none of its servers describes itself', async () => {
    await using rig = fleetRig();
    await rig.serve({ name: 'one', reflection: false });
    await until(() => rig.fleet.view().services[0]?.isDescribed === false);
    await rig.serve({ name: 'two', reflection: true });
    await until(() => rig.fleet.view().services[0]!.isDescribed === true);
  });

  it('says why an instance tells nothing: it is off there, it wants a token, it cannot be reached', async () => {
    await using rig = fleetRig();
    await rig.serve({ name: 'off', operator: false });
    await rig.serve({ name: 'guarded', operator: { token: TOKEN } });
    const handle = rig.registry.open({ namespace: 'default', clock: rig.fleet.options.clock, random: Math.random });
    const endpoint = { id: 'ghost', host: '127.0.0.1', port: 1, weight: 100, state: 'up' } as const;
    const registration = handle.register({ services: ['shop'], endpoint });
    await until(() => rig.fleet.isSettled && rig.fleet.instances.size === 3);
    const reports = rig.fleet.view().instances.map(({ id, report, reason }) => [id, report, reason?.slice(0, 23)]);
    assert.deepEqual(reports.slice(1), [
      ['guarded', 'refused', 'this server needs the t'],
      ['off', 'off', 'it tells nothing of its'],
    ]);
    assert.deepEqual(reports[0]!.slice(0, 2), ['ghost', 'unreachable']);
    await registration.close();
    await handle.close();
  });

  it('shows the token, and sees rules and weights by rules, and instances that leave', async () => {
    await using rig = fleetRig({ operatorToken: TOKEN });
    const server = await rig.serve({ name: 'one', operator: { token: TOKEN } });
    await until(() => rig.fleet.isSettled && rig.fleet.instances.size === 1);
    const weight = { mode: 'on', endpoints: { one: 7 } };
    await rig.fleet.handle.rulesStore!.set('shop', { schemaVersion: 1, weight }, 0);
    await until(() => rig.fleet.view().services[0]?.rulesVersion === 1);
    assert.deepEqual(rig.fleet.view().instances[0]!.ruledWeights, { shop: 7 });
    await server.close({ drainMs: 0, graceMs: 0 });
    await until(() => rig.fleet.view().instances.length === 0);
  });

  for (const services of [undefined, ['shop']])
    it(`says what callers have against an instance, also those that serve nothing but operators, with services ${services}`, async () => {
      await using rig = fleetRig({ services });
      await rig.serve({ name: 'one' });
      await using gateway = createServer({ registry: rig.registry, name: 'gateway', operator: true });
      await gateway.listen({ host: '127.0.0.1', port: 0 });
      const handle = rig.registry.open({ namespace: 'default', clock: rig.fleet.options.clock, random: Math.random });
      const endpoint = { id: 'ghost', host: '127.0.0.1', port: 1, weight: 100, state: 'up' } as const;
      const registration = handle.register({ services: ['shop'], endpoint });
      await rig.client.service(Shop).find('tea');
      const ghost = () => rig.fleet.view().instances.find(({ id }) => id === 'ghost');
      await until(() => ghost()?.opinions.some(({ client }) => client === 'web') ?? false);
      const [opinion] = ghost()!.opinions.filter(({ client }) => client === 'web');
      assert.deepEqual([opinion!.service, opinion!.isAvoided], ['shop', true]);
      assert.deepEqual([opinion!.secondsAgo, ghost()!.standing], [0, 'avoided']);
      // Both are of this process.
      assert.ok(['gateway', 'one'].includes(opinion!.toldBy));
      assert.match(opinion!.reasons[0]!, /^no connection: .*ECONNREFUSED/);
      await until(() => rig.fleet.view().instances.find(({ id }) => id === 'gateway')?.report === 'answered');
      const { services: seen, instances } = rig.fleet.view();
      assert.deepEqual(
        seen.map(({ name }) => name),
        ['shop'],
      );
      assert.deepEqual(instances.find(({ id }) => id === 'one')!.opinions, []);
      await registration.close();
      await handle.close();
    });
});
