import assert from 'node:assert/strict';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { p2c } from './p2c.js';
import { NodeStatus } from './picker.js';

const nodes = (count: number): SceneNode[] => Array.from({ length: count }, (_, index) => new SceneNode(`n${index}`));

describe('p2c', () => {
  it('has no node to give when there is none', () => {
    assert.equal(new PickerScene(p2c(), []).picker.pick(aCall(), 0), undefined);
  });

  it('gives the only node whatever is wrong with it', () => {
    const [only] = nodes(1);
    only!.current = NodeStatus.AVOID;
    assert.equal(new PickerScene(p2c(), [only!]).picker.pick(aCall(only!), 0), only);
  });

  it('gives equal nodes equal shares', () => {
    const shares = new PickerScene(p2c(), nodes(10)).shares(10_000);
    for (const share of Object.values(shares)) assert.ok(share > 900 && share < 1_100, `${share} of 10,000`);
  });

  it('gives the node of lower cost of two', () => {
    const [idle, busy] = nodes(2);
    busy!.load.started(0);
    assert.deepEqual(new PickerScene(p2c(), [busy!, idle!]).shares(100), { n0: 100 });
  });

  it('gives no call to a node that takes three times as long while the other has room, and some when that has none any more', () => {
    const [fast, slow] = nodes(2);
    const serve = ({ load }: SceneNode, at: number, ms: number): void => {
      load.started(at);
      load.settled(at + ms, at, 'ok');
    };
    for (let at = 0; at < 2_000; at += 100) {
      serve(fast!, at, 20);
      serve(slow!, at, 60);
    }
    // Calls that have just begun: ten of them at the faster one cost more than one at the slower.
    for (let call = 0; call < 10; call++) fast!.load.started(2_000);
    const scene = new PickerScene(p2c(), [slow!, fast!]);
    assert.deepEqual(scene.shares(100, 2_000), { n0: 100 });
    for (let at = 2_000; at < 4_000; at += 100) serve(fast!, at, 60);
    assert.deepEqual(scene.shares(100, 4_000), { n1: 100 });
  });

  it('gives a hedge to the better of the others', () => {
    const all = nodes(3);
    all[2]!.load.started(0);
    const scene = new PickerScene(p2c(), all);
    for (let pick = 0; pick < 100; pick++) {
      const call = aCall();
      call.rivals = [all[0]!];
      assert.equal(scene.picker.pick(call, 0), all[1]);
    }
  });

  it('gives a repeat to another instance, also at the same address; by addresses where no instance is known', () => {
    const [one, two] = [new SceneNode('worker-1', 100, 'h:1'), new SceneNode('worker-2', 100, 'h:1')];
    const { picker } = new PickerScene(p2c(), [one, two]);
    two.load.started(0);
    assert.equal(picker.pick(aCall(one), 0), two);
    const call = aCall(one);
    call.root.attempts = [{ endpoint: 'h:1', durationMs: 1, code: 'UNAVAILABLE', progress: 'unsent' }];
    assert.equal(picker.pick(call, 0), one);
  });

  it('prefers a healthy node to an avoided one, however busy it is', () => {
    const [busy, avoided] = nodes(2);
    for (let i = 0; i < 1_000; i++) busy!.load.started(0);
    avoided!.current = NodeStatus.AVOID;
    assert.deepEqual(new PickerScene(p2c(), [avoided!, busy!]).shares(100), { n0: 100 });
  });

  it('finds a healthy node when four of ten are avoided', () => {
    const all = nodes(10);
    for (const node of all.slice(0, 4)) node.current = NodeStatus.AVOID;
    const shares = new PickerScene(p2c(), all).shares(10_000);
    const avoided = ['n0', 'n1', 'n2', 'n3'].reduce((sum, name) => sum + (shares[name] ?? 0), 0);
    assert.ok(avoided < 20, `${avoided} of 10,000 went to avoided nodes`);
  });

  it('spreads the load over all nodes when more than half are avoided', () => {
    const all = nodes(10);
    for (const node of all.slice(0, 6)) node.current = NodeStatus.AVOID;
    const shares = new PickerScene(p2c(), all).shares(10_000);
    for (const { address } of all) assert.ok(shares[address]! > 900, `${address}: ${shares[address]} of 10,000`);
  });

  it('gives no node that is down while there is another, not even in panic', () => {
    const all = nodes(10);
    for (const node of all) node.current = NodeStatus.AVOID;
    all[0]!.current = NodeStatus.DOWN;
    assert.equal(new PickerScene(p2c(), all).shares(1_000)['n0'], undefined);
  });

  it('gives a suspect node only for want of open ones', () => {
    const [open, suspect] = nodes(2);
    suspect!.current = NodeStatus.SUSPECT;
    assert.deepEqual(new PickerScene(p2c(), [suspect!, open!]).shares(100), { n0: 100 });
  });

  it('gives a later attempt a node that the call has not tried, the last one that is left included', () => {
    const all = nodes(8);
    const scene = new PickerScene(p2c(), all);
    for (let i = 0; i < 500; i++) {
      assert.equal(scene.picker.pick(aCall(...all.slice(0, 7)), 0), all[7]);
    }
  });

  it('gives a tried node rather than an avoided one', () => {
    const [tried, avoided, other] = nodes(3);
    avoided!.current = NodeStatus.AVOID;
    other!.current = NodeStatus.DOWN;
    const scene = new PickerScene(p2c(), [tried!, avoided!, other!]);
    assert.equal(scene.picker.pick(aCall(tried!), 0), tried);
  });

  it('hands out a due probe first', () => {
    const all = nodes(10);
    all[3]!.current = NodeStatus.PROBE;
    all[3]!.probes = 1;
    const scene = new PickerScene(p2c(), all);
    scene.probing.add(all[3]!);
    assert.equal(scene.picker.pick(aCall(), 0), all[3]);
    assert.notEqual(scene.picker.pick(aCall(), 0), all[3]);
  });

  it('finds the due probe behind any number of nodes that have none', () => {
    const all = nodes(100);
    for (const node of all) node.current = NodeStatus.AVOID;
    all[99]!.current = NodeStatus.PROBE;
    all[99]!.probes = 1;
    const scene = new PickerScene(p2c(), all);
    for (const node of all) scene.probing.add(node);
    for (let pick = 0; pick < 25; pick++) scene.picker.pick(aCall(), 0);
    assert.equal(all[99]!.probes, 0);
  });

  it('hands out no probe of a node that is not its own', () => {
    const [stranger, ...own] = nodes(3);
    stranger!.current = NodeStatus.PROBE;
    stranger!.probes = 1;
    const scene = new PickerScene(p2c(), own);
    scene.probing.add(stranger!);
    assert.ok(own.includes(scene.picker.pick(aCall(), 0)!));
    assert.equal(stranger!.probes, 1);
  });

  it('gives a node that warms up a part of its share that rises', () => {
    const all = nodes(10);
    all[0]!.load.ramp(30_000, 0);
    const scene = new PickerScene(p2c(), all);
    const early = scene.shares(10_000, 0)['n0']!;
    const later = scene.shares(10_000, 15_000)['n0']!;
    assert.ok(early > 50 && early < 200, `${early} of 10,000 at first`);
    assert.ok(later > 400 && later < 700, `${later} of 10,000 half way`);
  });

  it('gives nodes about the share of their weight, and none for no weight', () => {
    const all = [new SceneNode('heavy', 200), ...nodes(8), new SceneNode('none', 0)];
    const shares = new PickerScene(p2c(), all).shares(10_000);
    assert.ok(
      shares['heavy']! > 1_500 && shares['heavy']! < 2_500,
      `${shares['heavy']} of 10,000, 2,000 are its share`,
    );
    assert.equal(shares['none'], undefined);
  });

  it('gives nodes without weight when there are no others', () => {
    const scene = new PickerScene(p2c(), [new SceneNode('a', 0), new SceneNode('b', 0)]);
    assert.deepEqual(Object.keys(scene.shares(100)).sort(), ['a', 'b']);
  });
});
