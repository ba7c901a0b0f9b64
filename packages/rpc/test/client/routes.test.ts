import assert from 'node:assert/strict';
import type { ClientEvents } from '@org/rpc-client';
import type { Route, RpcError } from '@org/rpc-core';
import type { Endpoint } from '@org/rpc-registry';
import { Greeter, World } from './world.js';

let versions = 0;

async function route(world: World, routes: readonly Route[], mode = 'on'): Promise<void> {
  world.registry.publishRules('greeter', { schemaVersion: 1, version: ++versions, route: { mode, routes } });
  await world.clock.advance(200);
}

/** A world with two instances of version 1 and one of version 2. */
async function setUp(): Promise<{ world: World; endpoints: Endpoint[] }> {
  const world = new World();
  const endpoints = ['a', 'b', 'c'].map((id, index) => {
    const version = id === 'c' ? '2' : '1';
    return { ...world.start(id, index + 1), tags: { version } };
  });
  await world.list(...endpoints);
  assert.deepEqual(await world.answering(40), ['a', 'b', 'c']);
  return { world, endpoints };
}

async function answers(
  world: World,
  hashKey: string,
  metadata: Record<string, string> = {},
  calls = 20,
): Promise<string> {
  const found = new Set<string>();
  for (let i = 0; i < calls; i++) {
    const answer = world.client.service(Greeter).with({ hashKey, metadata }).hello();
    await world.settle();
    found.add(await answer.catch((error: RpcError) => error.code));
  }
  return [...found].sort().join(' ');
}

const v1 = { tags: { version: '1' } };
const v2 = { tags: { version: '2' } };

describe('routes by rule', () => {
  it('lead calls to the instances with the tags, and end with the rule', async () => {
    const { world } = await setUp();
    await route(world, [
      { name: 'beta', match: { metadata: { group: 'beta' } }, to: v2 },
      { name: 'rest', to: v1 },
    ]);
    assert.deepEqual([await answers(world, 'x', { group: 'beta' }), await answers(world, 'x')], ['c', 'a b']);
    await route(world, []);
    assert.equal(await answers(world, 'x', {}, 60), 'a b c');
    await world.client.close();
  });

  it('keep a user on one side of a canary, also when it grows', async () => {
    const { world } = await setUp();
    const users = [...Array(40).keys()].map((user) => `user-${user}`);
    const canary = async (share: number): Promise<string[]> => {
      await route(world, [
        { name: 'canary', share, to: v2 },
        { name: 'rest', to: v1 },
      ]);
      const taken: string[] = [];
      for (const user of users) {
        const answer = await answers(world, user, {}, 3);
        assert.ok(answer === 'c' || !answer.includes('c'), answer);
        if (answer === 'c') taken.push(user);
      }
      return taken;
    };
    const [few, more] = [await canary(20), await canary(50)];
    assert.ok(few.length > 2 && more.length > few.length && few.every((user) => more.includes(user)), `${few} ${more}`);
    await world.client.close();
  });

  it('lead elsewhere when nobody is there, or fail when the route says so', async () => {
    const { world, endpoints } = await setUp();
    await route(world, [{ name: 'beta', to: v2 }]);
    world.kill(endpoints[2]!);
    await world.clock.advance(2_000);
    assert.equal(await answers(world, 'x'), 'a b');
    await route(world, [{ name: 'beta', to: v2, otherwise: 'none' }]);
    const call = world.client
      .service(Greeter)
      .hello()
      .catch((error: RpcError) => error.message);
    await world.clock.advance(2_000);
    assert.match(String(await call), /no node to which the route "beta" of the rules of "greeter" leads takes calls/);
    await world.client.close();
  });

  it('move shards while calls are made, and none of them fails', async () => {
    const { world } = await setUp();
    const shards = [...Array(8).keys()];
    const map = (first: number): Route[] => [
      { name: 'old', match: { shards: { by: 'hashKey', of: 8, in: shards.slice(first) } }, to: v1, otherwise: 'none' },
      {
        name: 'new',
        match: { shards: { by: 'hashKey', of: 8, in: shards.slice(0, first) } },
        to: v2,
        otherwise: 'none',
      },
    ];
    const homes = new Map<string, string>();
    let moved = 0;
    for (let first = 0; first <= 8; first++) {
      await route(world, map(first));
      for (let user = 0; user < 30; user++) {
        const answer = await answers(world, `user-${user}`, {}, 2);
        const home = answer === 'c' ? 'new' : 'old';
        assert.match(answer, /^(a|b|a b|c)$/);
        if (homes.get(`${user}`) === 'old' && home === 'new') moved++;
        assert.ok(homes.get(`${user}`) !== 'new' || home === 'new', 'no key goes back');
        homes.set(`${user}`, home);
      }
    }
    assert.equal(moved, 30);
    await world.client.close();
  });

  it('that are dark only tell what they would have done', async () => {
    const { world } = await setUp();
    const told: ClientEvents['ruleWouldApply'][0][] = [];
    world.client.on('ruleWouldApply', (event) => told.push(event));
    await route(world, [{ name: 'beta', to: v2 }], 'dark');
    assert.equal(await answers(world, 'x', {}, 60), 'a b c');
    await world.clock.advance(1_000);
    assert.equal(told[0]?.policy, 'route');
    assert.match(told[0]!.effect, /the route "beta" would have led elsewhere/);
    await world.client.close();
  });
});
