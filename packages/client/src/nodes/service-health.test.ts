import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { aCall, SceneNode } from '../../test/picker-scene.js';
import { NodeStatus } from '../picker/picker.js';
import { BreakerGroup } from '../policy/breaker-group.js';
import { ServiceHealth } from './service-health.js';

function scene() {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const breakers = new BreakerGroup({ options: resolvePolicy('test', POLICIES.breaker), clock, random });
  return { clock, breakers, service: new ServiceHealth({ clock, random, breakers }) };
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The outcome of a call that began at `at` and took a millisecond. */
function fail(health: ReturnType<ServiceHealth['join']>, call: Call, at: number): void {
  call.startedAt = at;
  health.settled(call, 'failure', at + 1);
}

describe('ServiceHealth', () => {
  it('starts a newcomer with the median latency of its peers', () => {
    const { service } = scene();
    const nodes = [10, 20, 400].map((ms) => {
      const node = new SceneNode(`${ms}`);
      service.join(node, 0);
      node.load.reset(ms, 0);
      return node;
    });
    const newcomer = new SceneNode('new');
    service.join(newcomer, 0);
    assert.equal(newcomer.load.estimateMs(0), 20);
    assert.equal(nodes.length, 3);
  });

  it('knows when another node of the same host was heard from last', () => {
    const { service } = scene();
    const heard = (address: string, heardAt: number) => Object.assign(new SceneNode(address), { address, heardAt });
    const nodes = [heard('10.0.0.1:1', 5), heard('10.0.0.1:2', 30), heard('10.0.0.10:1', 70), heard('10.0.0.1:3', 20)];
    const [first] = nodes.map((node) => service.join(node, 0));
    const asked = () => nodes.map((node) => service.heardFromHostOf(node));
    assert.deepEqual(asked(), [30, 20, undefined, 30]);
    service.leave(nodes[1]!, first!);
    assert.deepEqual(asked(), [20, 20, undefined, 5]);
  });

  it('lets a newcomer among old nodes warm up', () => {
    const { service } = scene();
    for (const name of ['a', 'b', 'c']) service.join(new SceneNode(name), 0);
    const newcomer = new SceneNode('new');
    service.join(newcomer, 60_000);
    assert.equal(newcomer.load.share(60_000), 0.1);
  });

  it('lets nobody warm up when most are new, as at the start', () => {
    const { service } = scene();
    const nodes = ['a', 'b', 'c'].map((name) => new SceneNode(name));
    for (const [index, node] of nodes.entries()) service.join(node, index);
    assert.deepEqual(
      nodes.map((node) => node.load.share(3)),
      [1, 1, 1],
    );
  });

  it('counts for each method how many nodes are avoided, until they are gone', async () => {
    const { service } = scene();
    const node = new SceneNode('a');
    const health = service.join(node, 0);
    for (let i = 0; i < 20; i++) fail(health, aCall(), 1);
    await tick();
    const other = new Call({ service: 'shop', method: 'sell', wireName: new Uint8Array() }, [], false);
    assert.deepEqual([service.avoided(aCall()), service.avoided(other)], [1, 0]);
    assert.deepEqual([...service.probing], [node]);
    health.close();
    assert.deepEqual([service.avoided(aCall()), service.probing.size], [0, 0]);
  });
});

describe('NodeHealth', () => {
  it('is suspect for a method that has failed and not succeeded for a second, until it does', () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    const other = new Call({ service: 'shop', method: 'sell', wireName: new Uint8Array() }, [], false);
    for (let i = 0; i < 5; i++) fail(health, aCall(), 1);
    assert.equal(health.status(aCall(), 1_001), NodeStatus.OPEN);
    assert.deepEqual(
      [health.status(aCall(), 1_600), health.status(other, 1_600)],
      [NodeStatus.SUSPECT, NodeStatus.OPEN],
    );
    fail(health, other, 1_700);
    assert.equal(health.status(other, 1_800), NodeStatus.SUSPECT);
    const good = aCall();
    good.startedAt = 1_900;
    health.settled(good, 'ok', 1_901);
    assert.equal(health.status(aCall(), 2_000), NodeStatus.OPEN);
  });

  it('is suspect for the failing method alone once another has been answered, and charges that alone', () => {
    const { service } = scene();
    const node = new SceneNode('a');
    const health = service.join(node, 0);
    const other = (): Call => new Call({ service: 'shop', method: 'sell', wireName: new Uint8Array() }, [], false);
    const settle = (call: Call, kind: 'ok' | 'failure', at: number): void => {
      call.startedAt = at;
      node.load.started(at);
      node.load.settled(at + 1, at, kind, call);
      health.settled(call, kind, at + 1);
    };
    const costs = (now: number): number[] => [aCall(), other()].map((call) => node.load.cost(now, call));
    settle(aCall(), 'failure', 0);
    const [charged, alike] = costs(1);
    assert.equal(charged, alike);
    settle(other(), 'ok', 10);
    settle(aCall(), 'failure', 20);
    assert.ok(costs(21)[0]! > 3 * costs(21)[1]!, costs(21).join());
    assert.deepEqual(
      [health.status(aCall(), 1_100), health.status(other(), 1_100)],
      [NodeStatus.SUSPECT, NodeStatus.OPEN],
    );
    assert.deepEqual(health.state(21), {
      ...{ breakers: [], denies: [], ejected: undefined, failing: undefined },
      failingMethods: [{ method: 'buy', forMs: 20, failures: 2 }],
    });
    settle(other(), 'failure', 30);
    assert.equal(health.state(31).failing?.failures, 1);
    settle(aCall(), 'ok', 1_200);
    settle(other(), 'ok', 1_210);
    assert.equal(costs(1_211)[0], costs(1_211)[1]);
    assert.deepEqual([health.state(1_211).failingMethods, service.probing.size], [[], 0]);
  });

  it('has a call of another method for a trial a second after a failure, and of no more than three that fail as well', () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    const methods = ['one', 'two', 'three', 'four', 'five'];
    const calls = methods.map((method) => {
      const call = new Call({ service: 'shop', method, wireName: new Uint8Array() }, [], false);
      call.idempotent = true;
      return call;
    });
    const statuses = (now: number): NodeStatus[] => calls.map((call) => health.status(call, now));
    for (const [index, call] of calls.slice(0, 4).entries()) {
      fail(health, call, index * 1_000);
      service.callStarted();
      const due = statuses(index * 1_000 + 1_001).map((status) => status === NodeStatus.PROBE);
      assert.deepEqual(
        due,
        methods.map((_, other) => index < 3 && other > index),
      );
    }
  });

  it('is not counted as avoided while it is not there at all', async () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    for (let i = 0; i < 20; i++) fail(health, aCall(), 1);
    await tick();
    assert.equal(service.avoided(aCall()), 1);
    health.setPresent(false, 3);
    assert.equal(service.avoided(aCall()), 0);
    health.setPresent(true, 3);
    assert.equal(service.avoided(aCall()), 1);
  });

  it('avoids a node for the method whose breaker is open, and for no other', async () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    for (let i = 0; i < 20; i++) fail(health, aCall(), 1);
    await tick();
    const other = new Call({ service: 'shop', method: 'sell', wireName: new Uint8Array() }, [], false);
    assert.equal(health.status(aCall(), 3), NodeStatus.AVOID);
    assert.equal(health.status(other, 3), NodeStatus.OPEN);
  });

  it('keeps one breaker for a method that several stubs call', async () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    for (let i = 0; i < 20; i++) fail(health, aCall(), 1);
    await tick();
    assert.equal(health.status(aCall(), 3), NodeStatus.AVOID);
  });

  it('has a probe due some seconds after a failure that opened nothing', () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    fail(health, aCall(), 0);
    assert.equal(health.status(aCall(), 4_000), NodeStatus.SUSPECT);
    assert.equal(health.status(aCall(), 6_000), NodeStatus.PROBE);
  });

  it('has none due among many nodes before the others have had their calls, or two minutes have passed', () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    for (let i = 0; i < 99; i++) service.join(new SceneNode(`${i}`), 0);
    fail(health, aCall(), 0);
    for (let i = 0; i < 949; i++) service.callStarted();
    assert.deepEqual(
      [health.status(aCall(), 6_000), health.status(aCall(), 120_001)],
      [NodeStatus.SUSPECT, NodeStatus.PROBE],
    );
    service.callStarted();
    assert.equal(health.status(aCall(), 6_000), NodeStatus.PROBE);
  });

  it('warms up for as long as it failed, or was away, once it is back', () => {
    const { service } = scene();
    const node = new SceneNode('a');
    const health = service.join(node, 0);
    fail(health, aCall(), 0);
    fail(health, aCall(), 9_000);
    const good = aCall();
    good.startedAt = 10_000;
    health.settled(good, 'ok', 10_001);
    assert.deepEqual([node.load.share(10_001), node.load.share(20_100)], [0.1, 1]);
    health.setPresent(false, 30_000);
    health.setPresent(true, 30_100);
    assert.equal(node.load.share(30_101), 1);
    health.setPresent(false, 31_000);
    health.setPresent(true, 91_000);
    assert.deepEqual([node.load.share(91_000), node.load.share(121_000)], [0.1, 1]);
  });

  it('warms up from the moment on that it can be called', () => {
    const { service } = scene();
    for (const name of ['a', 'b', 'c']) service.join(new SceneNode(name), 0);
    const late = new SceneNode('late');
    const health = service.join(late, 60_000, false);
    health.setPresent(true, 100_000);
    assert.deepEqual([late.load.share(100_000), late.load.share(115_000)], [0.1, 0.5]);
  });

  it('offers the probe to calls that may be repeated, and to others when none of them has come', () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    fail(health, aCall(), 0);
    const once = aCall();
    once.idempotent = false;
    const repeated = aCall(new SceneNode('other'));
    assert.equal(health.status(once, 6_000), NodeStatus.SUSPECT);
    assert.equal(health.status(repeated, 6_000), NodeStatus.SUSPECT);
    assert.equal(health.status(once, 11_000), NodeStatus.PROBE);
  });

  it('resets the load of a node to the median of its peers after a good probe', () => {
    const { service } = scene();
    service.join(new SceneNode('peer'), 0);
    const node = new SceneNode('a');
    const health = service.join(node, 0);
    node.load.started(0);
    node.load.settled(1, 0, 'failure');
    fail(health, aCall(), 0);
    const probe = aCall();
    assert.equal(health.takeProbe(probe, 6_000), true);
    health.settled(probe, 'ok', 6_010);
    assert.ok(node.load.estimateMs(6_010) < 50);
    assert.equal(health.status(aCall(), 20_000), NodeStatus.OPEN);
    assert.equal(service.probing.size, 0);
  });

  it('takes a later success for a good probe', () => {
    const { service } = scene();
    const node = new SceneNode('a');
    const health = service.join(node, 0);
    fail(health, aCall(), 0);
    const before = aCall();
    before.startedAt = 0;
    health.settled(before, 'ok', 2);
    assert.equal(service.probing.size, 1);
    const after = aCall();
    after.startedAt = 5;
    health.settled(after, 'ok', 6);
    assert.equal(service.probing.size, 0);
  });

  it('has its probes due at once when the node is connected again', async () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    for (let i = 0; i < 20; i++) fail(health, aCall(), 1);
    await tick();
    health.reconnected(100);
    assert.equal(health.status(aCall(), 100), NodeStatus.PROBE);
  });

  it('frees the slot of a probe that is past its deadline, should its end ever be missed', () => {
    const { service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    fail(health, aCall(), 0);
    const lost = aCall();
    lost.deadline = 7_000;
    assert.equal(health.takeProbe(lost, 6_000), true);
    assert.equal(health.takeProbe(aCall(), 6_999), false);
    assert.equal(health.takeProbe(aCall(), 7_001), true);
  });

  it('opens the breakers of all methods that fail, also of more than it keeps while they are well', async () => {
    for (const count of [1_000, 1_100]) {
      const { service } = scene();
      const health = service.join(new SceneNode('a'), 0);
      const calls = Array.from(
        { length: count },
        (_, i) => new Call({ service: 'shop', method: `m${i}`, wireName: new Uint8Array() }, [], false),
      );
      // Those that the group has no room for at first have their turn when others have opened.
      for (let round = 0; round < 50; round++) {
        for (const call of calls) fail(health, call, 1);
        await tick();
      }
      assert.equal(calls.filter((call) => health.status(call, 3) === NodeStatus.AVOID).length, count);
    }
  });

  it('keeps no more breakers than that while methods are well, and never more than ten thousand', async () => {
    const { breakers, service } = scene();
    const health = service.join(new SceneNode('a'), 0);
    const method = (i: number): Call =>
      new Call({ service: 'shop', method: `m${i}`, wireName: new Uint8Array() }, [], false);
    for (let i = 0; i < 2_000; i++) health.settled(method(i), 'ok', 1);
    assert.equal(health.methods, 1_000);
    for (let i = 2_000; i < 3_000; i++) fail(health, method(i), 1);
    assert.deepEqual([health.methods, breakers.armed], [1_000, 1_000]);
    for (let i = 3_000; i < 15_000; i++) {
      for (let failures = 0; failures < 20; failures++) fail(health, method(i), 1);
      if (i % 500 === 0) await tick();
    }
    assert.ok(health.methods <= 10_000, `${health.methods}`);
    health.close();
    assert.equal(health.methods, 0);
  });

  it('needs no breakers', () => {
    const clock = new FakeClock();
    const service = new ServiceHealth({ clock, random: seededRandom(1), breakers: undefined });
    const health = service.join(new SceneNode('a'), 0);
    for (let i = 0; i < 100; i++) fail(health, aCall(), 1);
    assert.equal(health.status(aCall(), 3), NodeStatus.OPEN);
  });
});
