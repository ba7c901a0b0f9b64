import assert from 'node:assert/strict';
import type { Call, Route } from '@org/rpc-core';
import { seededRandom } from '@org/rpc-testkit';
import { aCall, SceneNode } from '../../test/picker-scene.js';
import { Router } from './route.js';

function router(...routes: readonly Route[]): Router {
  return Router.of('shop', 'buy', routes, seededRandom(1))!;
}

function keyed(key: string | undefined, metadata?: Record<string, string>): Call {
  const call = aCall();
  call.hashKey = key;
  call.metadata = metadata;
  return call;
}

const canary: Route = { name: 'canary', share: 10, to: { tags: { version: '2' } } };

/** Which of 10,000 users a route takes. */
function takenBy(route: Route): Set<number> {
  const taken = new Set<number>();
  for (let user = 0; user < 10_000; user++) if (router(route).choose(keyed(`user-${user}`))) taken.add(user);
  return taken;
}

describe('routes', () => {
  it('are none for a method that none of them names', () => {
    const routes: Route[] = [{ name: 'a', match: { methods: ['sell'] }, to: {} }];
    assert.equal(Router.of('shop', 'buy', routes, seededRandom(1)), undefined);
    assert.notEqual(Router.of('shop', 'sell', routes, seededRandom(1)), undefined);
  });

  it('lead a call by its metadata; the first that fits decides', () => {
    const routes = router(
      {
        name: 'beta',
        match: { metadata: { group: ['beta', 'staff'], country: 'nz' } },
        to: { tags: { version: '2' } },
      },
      { name: 'stay', match: { metadata: { group: 'stay' } } },
      { name: 'rest', to: { zone: 'a' } },
    );
    const nameFor = (metadata: Record<string, string>): string | undefined =>
      routes.choose(keyed(undefined, metadata))?.name;
    assert.equal(nameFor({ group: 'staff', country: 'nz' }), 'beta');
    assert.equal(nameFor({ group: 'staff' }), 'rest');
    assert.equal(nameFor({ group: 'stay' }), undefined);
    assert.equal(nameFor({}), 'rest');
  });

  it('take a share of the users, always the same ones, and more of them only add some', () => {
    const ten = takenBy(canary);
    assert.ok(Math.abs(ten.size - 1_000) < 100, `${ten.size}`);
    assert.deepEqual(takenBy(canary), ten);
    const eleven = takenBy({ ...canary, share: 11 });
    assert.ok(eleven.size > ten.size && [...ten].every((user) => eleven.has(user)));
    assert.deepEqual([takenBy({ ...canary, share: 0 }).size, takenBy({ ...canary, share: 100 }).size], [0, 10_000]);
    const other = takenBy({ ...canary, name: 'another' });
    assert.ok([...ten].filter((user) => other.has(user)).length < 200);
  });

  it('take a share by a key of the metadata, by an argument, or by chance where a call has no key', () => {
    const byTenant = router({ ...canary, share: 50, by: { metadata: 'tenant' } });
    const tenants = [...Array(100).keys()].filter((t) => byTenant.choose(keyed(undefined, { tenant: `${t}` })));
    assert.ok(tenants.length > 30 && tenants.length < 70);
    // Without the key it is nobody's.
    assert.equal(byTenant.choose(keyed('x')), undefined);
    const byArgument = router({ ...canary, share: 50, by: { argument: 0 } });
    const call = aCall();
    call.args = [tenants[0]];
    assert.equal(byArgument.choose(call), byArgument.choose(call));
    const byChance = router({ ...canary, share: 50 });
    const taken = [...Array(1_000).keys()].filter(() => byChance.choose(aCall())).length;
    assert.ok(taken > 430 && taken < 570, `${taken}`);
  });

  it('lead to shards: each key has one of them, and a shard that moves takes only its own keys', () => {
    const shards = (numbers: number[], version: string): Route => ({
      name: version,
      match: { shards: { by: 'hashKey', of: 16, in: numbers } },
      to: { tags: { version } },
      otherwise: 'none',
    });
    const numbers = [...Array(16).keys()];
    const before = router(shards(numbers.slice(0, 8), 'a'), shards(numbers.slice(8), 'b'));
    const after = router(shards(numbers.slice(0, 7), 'a'), shards(numbers.slice(7), 'b'));
    let moved = 0;
    for (let user = 0; user < 2_000; user++) {
      const [from, to] = [before, after].map((each) => each.choose(keyed(`u${user}`))!.name);
      if (from !== to) {
        moved++;
        assert.deepEqual([from, to], ['a', 'b']);
      }
    }
    assert.ok(moved > 80 && moved < 170, `${moved}`);
  });

  it('lead to instances by tags, zone, id or address', () => {
    const node = new SceneNode('i1');
    Object.assign(node.endpoint, { tags: { version: '2', disk: 'ssd' }, zone: 'a' });
    const isLed = (to: Route['to']): boolean => router({ name: 'r', to }).choose(aCall())!.includes(node);
    assert.deepEqual(
      [isLed({ tags: { version: '2' } }), isLed({ tags: { version: '2', disk: 'hdd' } })],
      [true, false],
    );
    assert.deepEqual([isLed({ zone: 'a' }), isLed({ zone: 'b' })], [true, false]);
    assert.deepEqual(
      [isLed({ instances: ['i1'] }), isLed({ instances: ['i1:1'] }), isLed({ instances: ['i2'] })],
      [true, true, false],
    );
    assert.deepEqual([isLed({}), isLed({ zone: 'a', instances: ['i2'] })], [true, false]);
  });
});
