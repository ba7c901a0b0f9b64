import assert from 'node:assert/strict';
import { packed, unpacked } from './packed.js';

describe('packed', () => {
  it('gives copies that are the same', () => {
    const value = {
      list: [1, -0, Number.NaN, 2n ** 70n, undefined, null, 'ä', true],
      map: new Map([[1, new Set(['a'])]]),
      at: new Date(5),
      bytes: Buffer.from('abc'),
      small: new Uint8Array([1, 2]),
    };
    const bytes = packed(value)!;
    const [first, second] = [unpacked(bytes), unpacked(bytes)] as (typeof value)[];
    assert.deepEqual(first, value);
    assert.notEqual(first, second);
    assert.ok(Buffer.isBuffer(first!.bytes));
    for (const each of [undefined, null, 7, 'text']) assert.equal(unpacked(packed(each)!), each);
  });

  it('leaves alone what would come back as something else', () => {
    class Money {
      cents = 5;
    }
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const unfit = [new Money(), [new Money()], { a: () => 1 }, Symbol('x'), new Error('x'), cycle, Object.create(null)];
    for (const value of unfit) assert.equal(packed(value), undefined);
  });
});
