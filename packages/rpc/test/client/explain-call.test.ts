import assert from 'node:assert/strict';
import type { ExplainedNode } from '@org/rpc-client';
import { Greeter, World } from './world.js';

/** What is said of a node, in short. */
const short = ({ instance, standing, because }: ExplainedNode): string =>
  `${instance} ${standing}${because.map(({ fault }) => ` ${fault}`).join('')}`;

describe('client.explain()', () => {
  it('says which instances there are for a call, and which are left out and why', async () => {
    const world = new World({ zone: 'here' });
    const [a, b, c, d] = [world.start('a', 1), world.start('b', 2), world.start('c', 3), world.start('d', 4)];
    world.kill(b);
    world.client.service(Greeter);
    const held = world.client
      .service(Greeter)
      .hold()
      .catch(() => undefined);
    await world.list({ ...a, zone: 'here' }, b, { ...c, weight: 0, zone: 'there' }, { ...d, state: 'draining' });
    const { nodes, text, ...rest } = world.client.explain(Greeter, 'hello');
    assert.deepEqual(nodes.map(short), ['a open', 'b out down', 'c behind weight zone', 'd out draining']);
    assert.match(nodes[1]!.because[0]!.text, /connection refused: nothing listens there/);
    assert.deepEqual(rest, {
      schema: 1,
      service: 'greeter',
      method: 'hello',
      known: true,
      fresh: true,
      picker: 'p2c',
      route: undefined,
      refused: undefined,
      taken: undefined,
    });
    assert.match(
      text,
      /^1 of 4 instances take calls of greeter\.hello; h:2: connection refused.*; h:4: it is draining; p2c chooses$/,
    );
    const explained = world.client.explain('greeter', 'hello');
    assert.equal(JSON.parse(JSON.stringify(explained)).nodes.length, 4);
    await world.client.close();
    await held;
  });

  it('says where the rules lead a call by its metadata, and that they refuse one', async () => {
    const world = new World();
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    const held = world.client
      .service(Greeter)
      .hold()
      .catch(() => undefined);
    await world.list({ ...a, tags: { v: '1' } }, { ...b, tags: { v: '2' } });
    const routes = [{ name: 'canary', match: { metadata: { tenant: 'x' } }, to: { tags: { v: '2' } } }];
    const off = { mode: 'on', methods: { hold: { enabled: false, message: 'it is being repaired' } } };
    world.registry.publishRules('greeter', {
      schemaVersion: 1,
      version: 1,
      route: { mode: 'on', routes },
      switch: off,
    });
    await world.clock.advance(500);
    const led = world.client.explain(Greeter, 'hello', { metadata: { tenant: 'x' } });
    assert.deepEqual([led.route, ...led.nodes.map(short)], ['canary', 'a behind route', 'b open']);
    assert.equal(world.client.explain(Greeter, 'hello').route, undefined);
    assert.match(world.client.explain(Greeter, 'hold').text, /it is being repaired/);
    await world.client.close();
    await held;
  });

  it('shows breakers, ejections and failures of a node', async () => {
    const world = new World({ breaker: { minCalls: 5 }, retry: false, throttle: false });
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    const greeter = world.client.service(Greeter).with({ timeoutMs: 50 });
    await world.list(a, b);
    const calls = Array.from({ length: 30 }, () => greeter.hold().catch(() => undefined));
    await world.clock.advance(100);
    await Promise.all(calls);
    const faults = world.client
      .explain(Greeter, 'hold')
      .nodes.flatMap(({ because }) => because.map(({ fault }) => fault));
    assert.ok(faults.includes('breaker') || faults.includes('ejected'), faults.join());
    assert.ok(
      world.client
        .explain(Greeter, 'hello')
        .nodes.every(({ because }) => !because.some(({ fault }) => fault === 'breaker')),
    );
    await world.client.close();
  });

  it('knows nothing of a service that was not used, and refuses wrong options', async () => {
    const world = new World();
    const { known, nodes, text } = world.client.explain('other', 'thing');
    assert.deepEqual([known, nodes], [false, []]);
    assert.match(text, /nothing is known of "other"/);
    assert.throws(() => world.client.explain('other', 'thing', { meta: {} } as never), /client\.explain: .*meta/);
    assert.throws(() => world.client.explain(Greeter, 'helo'), /did you mean "hello"\?/);
    await world.client.close();
  });
});
