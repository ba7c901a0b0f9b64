import assert from 'node:assert/strict';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { comparedPickers } from './compared-picker.js';
import { NodeStatus } from './picker.js';
import { random } from './random.js';
import { roundRobin } from './round-robin.js';

const NAMES = ['a', 'b', 'c'];

/** Choices of a picker with another one beside it. */
function scene(wanted = random()) {
  const nodes = NAMES.map((name) => new SceneNode(name));
  const told: { address: string; share: number }[] = [];
  const pickers = comparedPickers(roundRobin(), wanted, (_, { address }, share) => told.push({ address, share }));
  const compared = new PickerScene(pickers, nodes);
  return { nodes, told, pickers, compared };
}

describe('comparedPickers', () => {
  it('choose as the given ones do, and tell what the others would have chosen', () => {
    const { nodes, told, pickers, compared } = scene();
    const alone = new PickerScene(roundRobin(), nodes);
    for (let i = 0; i < 300; i++)
      assert.equal(compared.picker.pick(aCall(), 0)?.address, alone.picker.pick(aCall(), 0)?.address);
    assert.equal(pickers.name, 'roundRobin');
    assert.ok(told.length > 150 && told.length < 250, `${told.length} of 300: two thirds by chance`);
    assert.equal(told.at(-1)!.share.toFixed(1), (told.length / 300).toFixed(1));
    assert.deepEqual([...new Set(told.map(({ address }) => address))].sort(), NAMES);
  });

  it('tell nothing where both choose alike, of repeats, and where there is nothing to choose', () => {
    const { nodes, told, compared } = scene(roundRobin());
    const repeat = aCall();
    repeat.attempt = 1;
    compared.picker.pick(repeat, 0);
    for (const node of nodes.slice(1)) node.current = NodeStatus.DOWN;
    for (let i = 0; i < 10; i++) compared.picker.pick(aCall(), 0);
    for (const node of nodes) node.current = NodeStatus.DOWN;
    compared.picker.pick(aCall(), 0);
    assert.deepEqual(told, []);
  });
});
