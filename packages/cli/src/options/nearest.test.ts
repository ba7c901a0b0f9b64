import assert from 'node:assert/strict';
import { didYouMean, nearest } from './nearest.js';

describe('nearest', () => {
  it('finds the candidate with the fewest different letters', () => {
    assert.equal(nearest('conections', ['concurrency', 'connections', 'compare']), 'connections');
    assert.equal(nearest('RATE', ['rate', 'html']), 'rate');
  });

  it('finds nothing when every candidate is too far away', () => {
    assert.equal(nearest('xyzzy', ['connections', 'rate']), undefined);
    assert.equal(didYouMean('xyzzy', ['connections', 'rate']), '');
  });

  it('does not compare words that nobody typed', () => {
    assert.equal(nearest('a'.repeat(1000), ['a'.repeat(1000)]), undefined);
  });
});
