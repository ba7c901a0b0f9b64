import assert from 'node:assert/strict';
import { checkPolicy } from './description.js';
import { weightPolicy } from './weight.js';

describe('the weight of an endpoint in rules', () => {
  const check = (weight: unknown): unknown => checkPolicy('rules', { ...weightPolicy, title: 'weight' }, { weight });

  it('is from 0, which takes a server out, to 10,000', () => {
    for (const weight of [0, 0.5, 100, 10_000]) assert.deepEqual(check(weight), { weight });
  });

  it('is refused when it is no number or beyond the bounds, with the bounds', () => {
    for (const weight of [-1, 10_001, Number.NaN, Number.POSITIVE_INFINITY, '5', null])
      assert.throws(() => check(weight), /^TypeError: rules: weight: weight must be a number from 0 to 10000, got /);
  });

  it('cannot be given as an option: only those who operate a service know it', () => {
    assert.equal(weightPolicy.option, undefined);
    assert.deepEqual(weightPolicy.levels, ['rule']);
  });
});
