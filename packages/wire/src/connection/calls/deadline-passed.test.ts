import assert from 'node:assert/strict';
import { deadlinePassed, isDeadlinePassed } from './deadline-passed.js';

describe('deadlinePassed', () => {
  const call = { service: 'shop', method: 'order', grantedMs: 400 };

  it('says how much time the call had, and what its handler did meanwhile', () => {
    assert.equal(deadlinePassed(call), "shop.order: the caller's deadline has passed: it had 400 ms left when it came");
    assert.match(deadlinePassed(call, ' while it slept'), /has passed while it slept: it had 400 ms/);
  });

  it('is told from the words of a handler, and from the time of another call', () => {
    assert.equal(isDeadlinePassed(call, deadlinePassed(call, ' while it slept')), true);
    assert.equal(isDeadlinePassed({ ...call, method: 'find' }, deadlinePassed(call)), false);
    assert.equal(isDeadlinePassed(call, "the caller's deadline has passed"), false);
  });
});
