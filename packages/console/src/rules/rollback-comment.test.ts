import assert from 'node:assert/strict';
import { rollbackComment } from './rollback-comment.js';

describe('the comment of a rollback', () => {
  it('says to which version, and why that one was set, however often it is set anew', () => {
    assert.equal(rollbackComment({ version: 1, comment: 'tom: it is late' }), 'back to version 1: tom: it is late');
    const again = { version: 3, comment: 'back to version 2: back to version 1: tom: it is late' };
    assert.equal(rollbackComment(again), 'back to version 3: tom: it is late');
    assert.equal(rollbackComment({ version: 3, comment: 'back to version 2' }), 'back to version 3');
    assert.equal(rollbackComment({ version: 3 }), 'back to version 3');
    assert.equal(rollbackComment({ version: 3, comment: 'x'.repeat(500) }).length, 500);
  });
});
