import assert from 'node:assert/strict';
import type { SubsetOptions } from '@org/rpc-core';
import { checkPolicyOptions } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { chooseSubset } from './subset.js';

const endpointsOf = (count: number, more: (index: number) => Partial<Endpoint> = () => ({})): Endpoint[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ id: `node-${index}`, host: '10.0.0.1', port: index + 1, weight: 100, state: 'up' as const },
    ...more(index),
  }));

const idsOf = (all: readonly Endpoint[], options: SubsetOptions, name = 'me'): string[] =>
  chooseSubset(all, options, name).map(({ id }) => id);

/** How many clients use each of the instances, as a part of the mean: the least, and the most. */
function spread(clients: number, nodes: number, size: number, isEven: boolean): [number, number] {
  const all = endpointsOf(nodes);
  const counts = new Map(all.map(({ id }) => [id, 0]));
  for (let index = 0; index < clients; index++) {
    const options = isEven ? { size, index, of: clients } : { size };
    for (const id of idsOf(all, options, `client-${index}`)) counts.set(id, counts.get(id)! + 1);
  }
  const mean = (clients * size) / nodes;
  return [Math.min(...counts.values()) / mean, Math.max(...counts.values()) / mean];
}

describe('a part of the instances', () => {
  it('is as large as was said, and all where there are no more', () => {
    assert.equal(idsOf(endpointsOf(100), { size: 20 }).length, 20);
    assert.equal(idsOf(endpointsOf(20), { size: 20 }).length, 20);
  });

  it('is the same one each time, in every process, whatever the order of the list', () => {
    const all = endpointsOf(30);
    assert.deepEqual(idsOf(all, { size: 4 }), idsOf([...all].reverse(), { size: 4 }).reverse());
    assert.deepEqual(idsOf(all, { size: 4 }), ['node-12', 'node-18', 'node-22', 'node-23']);
  });

  for (const [clients, nodes, size] of [
    [100, 100, 20],
    [60, 100, 20],
    [150, 50, 12],
  ] as const)
    it(`is even where clients are numbered: ${clients} with ${size} of ${nodes}`, () => {
      const [least, most] = spread(clients, nodes, size, true);
      const mean = (clients * size) / nodes;
      assert.ok(most <= (Math.ceil(1.1 * mean) + 1) / mean && least >= 0.5, `${least} to ${most}`);
      const [, drawn] = spread(clients, nodes, size, false);
      assert.ok(drawn > most, `${drawn} by chance`);
    });

  it('hardly changes when one instance goes, and by one at most without numbers', () => {
    const all = endpointsOf(100);
    const rest = all.filter(({ id }) => id !== 'node-42');
    let moved = 0;
    for (let index = 0; index < 60; index++) {
      const name = `client-${index}`;
      const before = new Set(idsOf(all, { size: 20 }, name));
      const lost = idsOf(rest, { size: 20 }, name).filter((id) => !before.has(id)).length;
      assert.equal(lost, before.has('node-42') ? 1 : 0);
      const even = { size: 20, index, of: 60 };
      const evenBefore = new Set(idsOf(all, even));
      moved += idsOf(rest, even).filter((id) => !evenBefore.has(id)).length;
    }
    // Twelve clients have lost one of their twenty: 1 % of the connections.
    assert.ok(moved <= 0.05 * 60 * 20, `${moved}`);
  });

  it('has all that it had when it becomes larger, and with numbers nearly all', () => {
    const all = endpointsOf(100);
    let moved = 0;
    for (let index = 0; index < 60; index++) {
      const [small, large] = [12, 20].map((size) => idsOf(all, { size }, `client-${index}`));
      assert.deepEqual(
        small!.filter((id) => !large!.includes(id)),
        [],
      );
      const [few, more] = [12, 20].map((size) => idsOf(all, { size, index, of: 60 }));
      moved += few!.filter((id) => !more!.includes(id)).length;
    }
    assert.ok(moved <= 0.03 * 60 * 12, `${moved} of ${60 * 12}`);
  });

  it('has some of each zone, version and tag, as long as these are few', () => {
    const all = endpointsOf(200, (index) => ({ tags: { version: index < 190 ? '1' : '2' } }));
    const canary = (ids: readonly string[]): number => ids.filter((id) => Number(id.slice(5)) >= 190).length;
    assert.equal(canary(idsOf(all, { size: 20 })), 3);
    const each = endpointsOf(200, (index) => ({ tags: { pod: `${index}` } }));
    assert.equal(idsOf(each, { size: 20 }).length, 20);
  });

  it('has those that leave besides, and none that weighs nothing', () => {
    const all = endpointsOf(100, (index) => (index === 0 ? { state: 'draining' } : index === 1 ? { weight: 0 } : {}));
    const ids = idsOf(all, { size: 97 });
    assert.equal(ids.length, 98);
    assert.ok(ids.includes('node-0') && !ids.includes('node-1'));
  });

  it('takes no wrong options', () => {
    const wrong = (options: object): string => {
      try {
        checkPolicyOptions('createClient', 'client', { subset: options });
      } catch (error) {
        return (error as Error).message;
      }
      return 'none';
    };
    assert.match(wrong({ size: 0 }), /createClient: subset: size must be an integer from 1 to 10000, got 0/);
    assert.match(wrong({ size: 20, index: 3 }), /subset: of must be an integer/);
    assert.match(wrong({ size: 20, index: 3, of: 3 }), /subset: index must be an integer from 0 to 2, got 3/);
    assert.match(wrong({ of: 3 }), /subset: index must be an integer from 0 to 2, got undefined/);
    assert.match(wrong({ size: 20, count: 3 }), /unknown option "count"/);
    assert.equal(wrong({ size: 20 }), 'none');
    assert.equal(wrong({ index: 3, of: 4 }), 'none');
  });
});
