import assert from 'node:assert/strict';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { NodeStatus } from './picker.js';
import { roundRobin, weightedRoundRobin } from './round-robin.js';

const nodes = (count: number): SceneNode[] => Array.from({ length: count }, (_, index) => new SceneNode(`n${index}`));

describe('roundRobin', () => {
  it('has no node to give when there is none', () => {
    assert.equal(new PickerScene(roundRobin(), []).picker.pick(aCall(), 0), undefined);
  });

  it('gives each node exactly the same share, whatever its load', () => {
    const all = nodes(3);
    for (let i = 0; i < 100; i++) all[1]!.load.started(0);
    assert.deepEqual(new PickerScene(roundRobin(), all).shares(999), { n0: 333, n1: 333, n2: 333 });
  });

  it('gives each as often as it weighs, exactly, and not many in a row', () => {
    const all = [1, 2, 3].map((weight) => new SceneNode(`w${weight}`, weight));
    for (const factory of [roundRobin(), weightedRoundRobin()]) {
      const scene = new PickerScene(factory, all);
      for (let round = 0; round < 5; round++) assert.deepEqual(scene.shares(30), { w1: 5, w2: 10, w3: 15 });
    }
    const two = [100, 300].map((weight) => new SceneNode(`w${weight}`, weight));
    const scene = new PickerScene(roundRobin(), two);
    const picked = Array.from({ length: 400 }, () => scene.picker.pick(aCall(), 0)!.endpoint.weight).join(' ');
    assert.ok(!picked.includes('100 100') && !picked.includes('300 300 300 300'), picked.slice(0, 100));
  });

  it('gives no calls to what weighs nothing, unless nothing does', () => {
    const all = [0, 100].map((weight) => new SceneNode(`w${weight}`, weight));
    assert.deepEqual(new PickerScene(roundRobin(), all).shares(10), { w100: 10 });
    assert.deepEqual(new PickerScene(roundRobin(), [all[0]!]).shares(10), { w0: 10 });
  });

  it('passes over nodes that are avoided', () => {
    const all = nodes(3);
    all[1]!.current = NodeStatus.AVOID;
    assert.equal(new PickerScene(roundRobin(), all).shares(100)['n1'], undefined);
  });

  it('gives each its turn when more than half are avoided', () => {
    const all = nodes(4);
    for (const node of all.slice(0, 3)) node.current = NodeStatus.AVOID;
    assert.deepEqual(new PickerScene(roundRobin(), all).shares(100), { n0: 25, n1: 25, n2: 25, n3: 25 });
  });

  it('passes over nodes that the call has tried', () => {
    const all = nodes(3);
    const scene = new PickerScene(roundRobin(), all);
    for (let i = 0; i < 10; i++) assert.equal(scene.picker.pick(aCall(all[0]!, all[2]!), 0), all[1]);
  });

  it('hands out a due probe first', () => {
    const all = nodes(3);
    all[2]!.current = NodeStatus.PROBE;
    all[2]!.probes = 1;
    const scene = new PickerScene(roundRobin(), all);
    scene.probing.add(all[2]!);
    assert.equal(scene.picker.pick(aCall(), 0), all[2]);
    assert.notEqual(scene.picker.pick(aCall(), 0), all[2]);
  });

  it('gives a node even when all are down', () => {
    const all = nodes(2);
    for (const node of all) node.current = NodeStatus.DOWN;
    assert.ok(new PickerScene(roundRobin(), all).picker.pick(aCall(), 0) !== undefined);
  });
});
