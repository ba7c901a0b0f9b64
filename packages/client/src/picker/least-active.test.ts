import assert from 'node:assert/strict';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { leastActive } from './least-active.js';
import { NodeStatus } from './picker.js';
import { random } from './random.js';

const nodes = (count: number): SceneNode[] => Array.from({ length: count }, (_, index) => new SceneNode(`n${index}`));

describe('leastActive', () => {
  it('takes the node with the fewest calls in flight, and each of those that are alike in turn', () => {
    const all = nodes(4);
    for (const node of all.slice(0, 2)) node.load.started(0);
    const shares = new PickerScene(leastActive(), all).shares(1_000);
    assert.deepEqual(Object.keys(shares).sort(), ['n2', 'n3']);
    assert.ok(Math.min(...Object.values(shares)) > 200);
  });

  it('counts them by weight', () => {
    const all = [new SceneNode('light', 100), new SceneNode('heavy', 300)];
    const scene = new PickerScene(leastActive(), all);
    for (let i = 0; i < 400; i++) scene.picker.pick(aCall(), 0)!.load.started(0);
    assert.deepEqual(
      all.map(({ load }) => load.inFlight),
      [100, 300],
    );
  });

  it('puts health first: a node that fails fast has nothing in flight', () => {
    const all = nodes(3);
    for (const node of all.slice(1)) for (let i = 0; i < 10; i++) node.load.started(0);
    all[0]!.current = NodeStatus.AVOID;
    assert.equal(new PickerScene(leastActive(), all).shares(100)['n0'], undefined);
    assert.equal(new PickerScene(leastActive(), []).picker.pick(aCall(), 0), undefined);
  });

  it('hands out a due probe first, and leaves nodes that the call has tried', () => {
    const all = nodes(3);
    const scene = new PickerScene(leastActive(), all);
    for (let i = 0; i < 10; i++) assert.equal(scene.picker.pick(aCall(all[0]!, all[2]!), 0), all[1]);
    all[2]!.current = NodeStatus.PROBE;
    all[2]!.probes = 1;
    scene.probing.add(all[2]!);
    assert.equal(scene.picker.pick(aCall(), 0), all[2]);
  });
});

describe('random', () => {
  it('gives each node as often as it weighs, and none that is avoided', () => {
    const all = [100, 200, 100].map((weight, index) => new SceneNode(`n${index}`, weight));
    const { n0, n1, n2 } = new PickerScene(random(), all).shares(20_000) as Record<'n0' | 'n1' | 'n2', number>;
    assert.ok(
      Math.abs(n0 - 5_000) < 300 && Math.abs(n1 - 10_000) < 300 && Math.abs(n2 - 5_000) < 300,
      `${n0} ${n1} ${n2}`,
    );
    all[1]!.current = NodeStatus.AVOID;
    assert.equal(new PickerScene(random(), all).shares(1_000)['n1'], undefined);
  });
});
