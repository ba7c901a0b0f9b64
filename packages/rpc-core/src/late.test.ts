import assert from 'node:assert/strict';
import { RpcError } from './error.js';
import { isLate, markLate } from './late.js';

describe('markLate', () => {
  it('marks one error and no other', () => {
    const marked = new RpcError('DEADLINE_EXCEEDED', 'no reply');
    const other = new RpcError('DEADLINE_EXCEEDED', 'no reply');
    markLate(marked);
    assert.equal(isLate(marked), true);
    assert.equal(isLate(other), false);
  });
});
