import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { seededRandom } from '@org/rpc-testkit';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { consistentHash } from './consistent-hash.js';
import { maglev, ring } from './hash-table.js';
import { NodeStatus } from './picker.js';

const nodes = (count: number): SceneNode[] =>
  Array.from({ length: count }, (_, index) => new SceneNode(`10.0.${index >> 8}.${index & 255}:4399`));
const even = (count: number): number[] => new Array<number>(count).fill(100);

/** How many of so many keys each node has, and whose each is. */
function spread(table: { nodeOf(key: number): number }, count: number, keys: readonly number[]): number[] {
  const counts = new Array<number>(count).fill(0);
  for (const key of keys) counts[table.nodeOf(key)]!++;
  return counts;
}

const random = seededRandom(1);
const KEYS = Array.from({ length: 100_000 }, () => Math.floor(random() * 2 ** 32));
/** Each place of the table once. */
const PLACES = Array.from({ length: 65_537 }, (_, place) => place);

function keyed(key: string): Call {
  const call = aCall();
  call.hashKey = key;
  return call;
}

describe('nodes at the same address, as workers of one server are,', () => {
  it('have a share each', () => {
    const same = Array.from({ length: 4 }, () => new SceneNode('10.0.0.1:4399'));
    for (const table of [maglev(same, even(4)), ring(same, even(4))]) {
      const least = Math.min(...spread(table, 4, KEYS)) / (KEYS.length / 4);
      assert.ok(least > 0.6, `${least}`);
    }
  });
});

describe('the table of Maglev', () => {
  it('gives each node its share: within 0.1 % of 10, 0.5 % of 100, 1 % of 1,000', () => {
    for (const [count, bound] of [
      [10, 1.001],
      [100, 1.005],
      [1_000, 1.01],
    ] as const) {
      const counts = spread(maglev(nodes(count), even(count)), count, PLACES);
      const most = Math.max(...counts) / (65_537 / count);
      // A place more or less is all that 65 of them allow.
      assert.ok(most <= Math.max(bound, Math.ceil(65_537 / count) / (65_537 / count)), `${count} nodes: ${most}`);
    }
  });

  it('moves less than 0.8 % of the keys of others when a node goes', () => {
    const all = nodes(100);
    const before = maglev(all, even(100));
    const after = maglev(all.slice(0, -1), even(99));
    const moved = PLACES.filter((place) => before.nodeOf(place) !== 99 && before.nodeOf(place) !== after.nodeOf(place));
    assert.ok(moved.length / PLACES.length <= 0.008, `${moved.length}`);
  });

  it('gives each as much as it weighs', () => {
    const counts = spread(maglev(nodes(3), [100, 200, 300]), 3, PLACES);
    assert.ok(
      Math.abs(counts[0]! / 65_537 - 1 / 6) < 0.001 && Math.abs(counts[2]! / 65_537 - 1 / 2) < 0.001,
      `${counts}`,
    );
  });
});

describe('the ring', () => {
  it('gives each of 100 nodes its share, give or take a quarter', () => {
    const counts = spread(ring(nodes(100), even(100)), 100, KEYS);
    assert.ok(Math.max(...counts) <= 1_250, `${Math.max(...counts)}`);
  });

  it('moves no key of others when a node goes, wherever it stood', () => {
    const all = nodes(100);
    const before = ring(all, even(100));
    for (const gone of [0, 50, 99]) {
      const rest = all.filter((_, index) => index !== gone);
      const after = ring(rest, even(99));
      const moved = KEYS.filter((key) => {
        const owner = all[before.nodeOf(key)]!;
        return owner !== all[gone] && rest[after.nodeOf(key)] !== owner;
      });
      assert.equal(moved.length, 0);
    }
  });
});

describe('consistentHash', () => {
  it('gives calls with the same key to the same node, in every client', () => {
    const all = nodes(10);
    for (const table of ['maglev', 'ring'] as const) {
      const [one, two] = [1, 2].map(() => new PickerScene(consistentHash({ table }), all));
      const homes = new Set<string>();
      for (let key = 0; key < 200; key++) {
        const home = one!.picker.pick(keyed(`user-${key}`), 0);
        assert.equal(two!.picker.pick(keyed(`user-${key}`), 0), home);
        homes.add(home!.address);
      }
      assert.equal(homes.size, 10);
    }
  });

  it('finds the key in metadata, in an argument, or by a function; what the call says goes before', () => {
    const all = nodes(10);
    const expected = new PickerScene(consistentHash(), all).picker.pick(keyed('42'), 0);
    const call = new Call({ service: 's', method: 'm', wireName: new Uint8Array() }, ['x', 42], false);
    call.metadata = { tenant: '42' };
    for (const key of [{ metadata: 'tenant' }, { argument: 1 }, ({ args }: Call) => String(args[1])])
      assert.equal(new PickerScene(consistentHash({ key }), all).picker.pick(call, 0), expected);
    call.hashKey = '42';
    assert.equal(new PickerScene(consistentHash({ key: { argument: 0 } }), all).picker.pick(call, 0), expected);
  });

  it('spreads calls without a key by chance', () => {
    assert.equal(Object.keys(new PickerScene(consistentHash(), nodes(10)).shares(1_000)).length, 10);
  });

  it('never gives a node more than its share of the calls in flight and the bound', () => {
    for (const maxLoad of [1.1, 1.25, 2]) {
      const all = nodes(50);
      const scene = new PickerScene(consistentHash({ maxLoad }), all);
      const chance = seededRandom(2);
      const flying: SceneNode[] = [];
      for (let i = 0; i < 3_000; i++) {
        if (flying.length >= 1_000) flying.shift()!.load.settled(1, 0, 'ok');
        // A few keys are asked for most of the time.
        const call = keyed(`key-${Math.floor(1_000 ** chance())}`);
        const node = scene.picker.pick(call, 0)!;
        const most = Math.ceil((maxLoad * (flying.length + 1)) / 50);
        node.load.started(0);
        flying.push(node);
        assert.ok(node.load.inFlight <= most, `${node.load.inFlight} of ${most}`);
      }
    }
  });

  it('lets what cannot go home go to one node and not to any, and home again when it can', () => {
    const all = nodes(10);
    const scene = new PickerScene(consistentHash(), all);
    const home = scene.picker.pick(keyed('a'), 0)!;
    home.current = NodeStatus.AVOID;
    const second = new Set(Array.from({ length: 20 }, () => scene.picker.pick(keyed('a'), 0)));
    assert.deepEqual([second.size, second.has(home)], [1, false]);
    home.current = NodeStatus.OPEN;
    assert.equal(scene.picker.pick(keyed('a'), 0), home);
    assert.notEqual(scene.picker.pick(Object.assign(aCall(home), { hashKey: 'a' }), 0), home);
  });

  it('keeps keys at home in panic', () => {
    const all = nodes(4);
    const scene = new PickerScene(consistentHash(), all);
    const homes = ['a', 'b', 'c'].map((key) => scene.picker.pick(keyed(key), 0));
    for (const node of all.slice(0, 3)) node.current = NodeStatus.AVOID;
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => scene.picker.pick(keyed(key), 0)),
      homes,
    );
  });

  it('refuses what is no option of it', () => {
    assert.throws(
      () => consistentHash({ maxLoad: 0.5 }),
      /consistentHash: maxLoad must be a number from 1 to 100, got 0\.5/,
    );
    assert.throws(() => consistentHash({ table: 'rign' as never }), /table must be "maglev" or "ring"/);
    assert.throws(
      () => consistentHash({ key: { argument: -1 } }),
      /key must be \{ metadata: name \}, \{ argument: number \}/,
    );
    assert.throws(() => consistentHash({ keys: 1 } as never), /unknown option "keys"; did you mean "key"/);
  });
});
