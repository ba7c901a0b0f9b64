import assert from 'node:assert/strict';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { type LocalFirstOptions, localFirst } from './local-first.js';
import { NodeStatus, type Picker } from './picker.js';

class ZoneNode extends SceneNode {
  constructor(name: string, zone: string | undefined) {
    super(name);
    Object.assign(this.endpoint, zone === undefined ? {} : { zone });
  }
}

/** So many nodes in each zone, named by it. */
function nodesOf(zones: Readonly<Record<string, number>>): ZoneNode[] {
  return Object.entries(zones).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, index) => new ZoneNode(`${zone}${index}`, zone)),
  );
}

function sceneOf(zones: Readonly<Record<string, number>>, options: LocalFirstOptions = { zone: 'a' }) {
  const nodes = nodesOf(zones);
  const scene = new PickerScene(localFirst(options), nodes);
  // As if its client had run for a while, and all were well.
  for (let now = 0; now < 20_000; now++)
    for (const node of now % 20 === 0 ? nodes : nodes.slice(0, 1)) scene.picker.settled?.(node, 10, 'ok', now);
  /** The share of each zone of so many calls. */
  const zonesOf = (picks: number): Record<string, number> => {
    const shares: Record<string, number> = {};
    for (const [name, count] of Object.entries(scene.shares(picks)))
      shares[name[0]!] = (shares[name[0]!] ?? 0) + count / picks;
    return shares;
  };
  return { nodes, scene, zonesOf };
}

function near(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs((actual ?? 0) - expected) < 0.02, `${actual}, not ${expected}`);
}

describe('localFirst', () => {
  it('keeps calls in the zone but for the few that tell how others do', () => {
    const { zonesOf } = sceneOf({ a: 3, b: 3 });
    const { a, b } = zonesOf(10_000);
    near(a, 0.98);
    near(b, 0.02);
  });

  it("gives what the zone has not to those that have more, with Envoy's shares", () => {
    // Clients 40, 40, 20; nodes 25, 50, 25: 62.5 % stay, and the rest goes to the others by what they have left, 10 and 5.
    const clients = { a: 40, b: 40, c: 20 };
    const shares = sceneOf({ a: 25, b: 50, c: 25 }, { zone: 'a', clients }).zonesOf(20_000);
    near(shares['a'], 0.625);
    near(shares['b'], 0.25);
    near(shares['c'], 0.125);
    near(sceneOf({ a: 25, b: 50, c: 25 }, { zone: 'b', clients }).zonesOf(5_000)['b'], 1);
    near(sceneOf({ a: 25, b: 50, c: 25 }, { zone: 'c', clients }).zonesOf(5_000)['c'], 1);
  });

  it('treats all alike where nobody has said where the client is, or no node is there', () => {
    near(sceneOf({ a: 5, b: 5 }, {}).zonesOf(10_000)['a'], 0.5);
    near(sceneOf({ a: 5, b: 5 }, { zone: 'z' }).zonesOf(10_000)['a'], 0.5);
  });

  it('takes the zone of the client', () => {
    const nodes = nodesOf({ a: 2, b: 2 });
    const scene = new PickerScene(localFirst(), []);
    scene.zone = 'b';
    const picker = localFirst().create(nodes, scene);
    for (let now = 0; now < 20_000; now++) for (const node of nodes) picker.settled!(node, 10, 'ok', now);
    const names = Array.from({ length: 100 }, () => picker.pick(aCall(), 0)!.address[0]);
    assert.ok(names.filter((name) => name === 'b').length > 90);
  });

  it('takes others when no near node is well, and not when it must not', () => {
    const { nodes, zonesOf } = sceneOf({ a: 2, b: 2 });
    for (const node of nodes.slice(0, 2)) node.current = NodeStatus.AVOID;
    near(zonesOf(1_000)['b'], 1);
    const strict = sceneOf({ a: 2, b: 2 }, { zone: 'a', otherwise: 'none' });
    for (const node of strict.nodes.slice(0, 2)) node.current = NodeStatus.AVOID;
    near(strict.zonesOf(1_000)['a'], 1);
    assert.equal(sceneOf({ b: 2 }, { zone: 'a', otherwise: 'none' }).scene.picker.pick(aCall(), 0), undefined);
  });

  it('gives what was tried at the only near node to others', () => {
    const { nodes, scene } = sceneOf({ a: 1, b: 2 });
    for (let i = 0; i < 20; i++) assert.notEqual(scene.picker.pick(aCall(nodes[0]!), 0), nodes[0]);
  });

  it('is not in panic because others are ill', () => {
    const { nodes, zonesOf } = sceneOf({ a: 3, b: 9 });
    for (const node of nodes.slice(3)) node.current = NodeStatus.AVOID;
    near(zonesOf(1_000)['a'], 0.99);
  });

  it('hands out a trial call of any zone', () => {
    const { nodes, scene } = sceneOf({ a: 3, b: 3 });
    const far = nodes[4]!;
    far.current = NodeStatus.PROBE;
    far.probes = 1;
    scene.probing.add(far);
    assert.equal(scene.picker.pick(aCall(), 0), far);
    assert.notEqual(scene.picker.pick(aCall(), 0), far);
  });

  it('remembers what it has learned when the nodes change', () => {
    const factory = localFirst({ zone: 'a' });
    const nodes = nodesOf({ a: 2, b: 2 });
    const scene = new PickerScene(factory, nodes);
    const first = scene.picker as Picker<SceneNode>;
    for (let now = 0; now < 20_000; now++) for (const node of nodes) first.settled!(node, 10, 'ok', now);
    const next = factory.create(nodes, scene);
    const far = Array.from({ length: 1_000 }, () => next.pick(aCall(), 5_000)!.address[0]).filter(
      (name) => name === 'b',
    );
    assert.ok(far.length < 50, `${far.length}`);
  });

  it('refuses wrong options', () => {
    assert.throws(() => localFirst({ zones: 'a' } as never), /localFirst: unknown option "zones"; did you mean "zone"/);
    assert.throws(() => localFirst({ otherwise: 'far' } as never), /otherwise must be "any" or "none"/);
    assert.throws(() => localFirst({ clients: { a: -1 } }), /clients.a must be a number of at least 0/);
  });
});
