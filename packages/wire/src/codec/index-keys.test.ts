import assert from 'node:assert/strict';
import { indexOfKey, keepSparse } from './index-keys.js';

const index = (key: string): number => {
  const bytes = Buffer.from(`7${key}7`);
  return indexOfKey(bytes, 1, bytes.length - 1);
};

describe('keys that are indices', () => {
  it('are the shortest decimal texts of 0 to 2^32 - 2', () => {
    for (const number of [0, 1, 9, 10, 1023, 65_536, 2 ** 31, 4_294_967_294])
      assert.equal(index(String(number)), number);
    for (const key of [
      '',
      '00',
      '01',
      '-1',
      '+1',
      '1.0',
      '1e3',
      ' 1',
      '1 ',
      'a',
      '4294967295',
      '9999999999',
      '10000000000',
    ])
      assert.equal(index(key), -1, key);
  });

  it('are what JavaScript takes for one: it puts them in front of all other keys', () => {
    for (const key of ['0', '1023', '4294967294', '00', '01', '4294967295', '-1', '1.0'])
      assert.equal(Object.keys({ name: 1, [key]: 2 })[0] === key, index(key) >= 0, key);
  });

  it('leave nothing behind in the object that was told to keep them sparsely', () => {
    const object: Record<string, unknown> = { name: 1, 5: 2 };
    keepSparse(object);
    object['1023'] = 3;
    assert.deepEqual(Object.keys(object), ['5', '1023', 'name']);
    assert.deepStrictEqual(object, { name: 1, 5: 2, 1023: 3 });
  });
});
