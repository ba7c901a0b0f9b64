import assert from 'node:assert/strict';
import type { Endpoint } from './endpoint.js';
import { nextSnapshot, sameSnapshot, staleSnapshot } from './snapshot.js';

const endpoint = (id: string, changes: Partial<Endpoint> = {}): Endpoint => ({
  id,
  host: 'h',
  port: 1,
  weight: 100,
  state: 'up',
  ...changes,
});
const left = (): 'left' => 'left';

describe('nextSnapshot()', () => {
  it('orders by id, in which capitals come first', () => {
    const { endpoints } = nextSnapshot(
      ['b', 'a', 'B', '10', '9'].map((id) => endpoint(id)),
      undefined,
      left,
    );
    assert.deepEqual(
      endpoints.map(({ id }) => id),
      ['10', '9', 'B', 'a', 'b'],
    );
  });

  it('asks for the reason of what left, and of nothing else', () => {
    const before = nextSnapshot([endpoint('a'), endpoint('b')], undefined, left);
    const asked: string[] = [];
    const after = nextSnapshot([endpoint('b', { weight: 7 }), endpoint('c')], before, (id) => {
      asked.push(id);
      return 'dead';
    });
    assert.deepEqual(asked, ['a']);
    assert.deepEqual(after.gone, [{ id: 'a', reason: 'dead' }]);
  });

  it('lists an id once, as it was given last', () => {
    const { endpoints } = nextSnapshot([endpoint('a'), endpoint('a', { port: 2 })], undefined, left);
    assert.deepEqual(endpoints, [endpoint('a', { port: 2 })]);
  });
});

describe('staleSnapshot()', () => {
  it('is the list before, not fresh, with nothing gone', () => {
    const first = nextSnapshot([endpoint('a'), endpoint('b')], undefined, left);
    const second = nextSnapshot([endpoint('a')], first, left);
    assert.deepEqual(staleSnapshot(second), { endpoints: [endpoint('a')], fresh: false, gone: [] });
  });
});

describe('sameSnapshot()', () => {
  const before = nextSnapshot([endpoint('a', { tags: { x: '1' } })], undefined, left);

  it('is true for equal lists', () => {
    assert.equal(sameSnapshot(nextSnapshot([endpoint('a', { tags: { x: '1' } })], before, left), before), true);
  });

  for (const [what, endpoints] of [
    ['a changed tag', [endpoint('a', { tags: { x: '2' } })]],
    ['a changed state', [endpoint('a', { tags: { x: '1' }, state: 'draining' })]],
    ['one more', [endpoint('a', { tags: { x: '1' } }), endpoint('b')]],
    ['one less', []],
  ] as const) {
    it(`is false for ${what}`, () => {
      assert.equal(sameSnapshot(nextSnapshot(endpoints, before, left), before), false);
    });
  }

  it('is false for a first one, and when the source becomes unreachable or comes back', () => {
    assert.equal(sameSnapshot(before, undefined), false);
    assert.equal(sameSnapshot(staleSnapshot(before), before), false);
    assert.equal(sameSnapshot(before, staleSnapshot(before)), false);
  });
});
