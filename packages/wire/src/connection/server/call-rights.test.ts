import assert from 'node:assert/strict';
import { CallRights } from './call-rights.js';

describe('the rights of a client', () => {
  it('are one CANCEL and one ASK for each call, independent of each other', () => {
    const rights = new CallRights({ cancels: 0 });
    rights.opened();
    rights.opened();
    rights.cancelled(0);
    assert.equal(rights.asked(), true);
    assert.equal(rights.asked(), true);
    assert.equal(rights.asked(), false);
    rights.cancelled(0);
    assert.throws(() => rights.cancelled(0), /too many CANCELs of calls that were not made \(limits\.cancels\)/);
  });
});
