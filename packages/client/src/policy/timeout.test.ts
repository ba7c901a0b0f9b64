import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { attemptDeadline } from './timeout.js';

function callUntil(deadline: number, idempotent = true): Call {
  const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
  call.deadline = deadline;
  call.idempotent = idempotent;
  return call;
}

describe('attemptDeadline', () => {
  it('shares the time of an idempotent call between its attempts', () => {
    const call = callUntil(1_000);
    assert.equal(attemptDeadline(call, 0, 2, undefined, 0), 400);
    assert.equal(attemptDeadline(call, 400, 1, undefined, 0), 800);
    assert.equal(attemptDeadline(call, 800, 0, undefined, 0), 1_000);
  });

  it('gives each attempt at least 50 ms, and never more than the call has', () => {
    assert.equal(attemptDeadline(callUntil(100), 0, 2, undefined, 0), 50);
    assert.equal(attemptDeadline(callUntil(30), 0, 2, undefined, 0), 30);
  });

  it('gives a call that is not repeated all its time', () => {
    assert.equal(attemptDeadline(callUntil(1_000, false), 0, 2, undefined, 0), 1_000);
  });

  it('is as long as the user says, within the deadline', () => {
    assert.equal(attemptDeadline(callUntil(1_000, false), 0, 2, 300, 0), 300);
    assert.equal(attemptDeadline(callUntil(1_000), 900, 2, 300, 0), 1_000);
  });

  it('has all the time as long as nothing is known of the method', () => {
    assert.equal(attemptDeadline(callUntil(1_000), 0, 2, undefined, undefined), 1_000);
  });

  it('gives a slow method twice what its slowest answers take', () => {
    assert.equal(attemptDeadline(callUntil(1_000), 0, 2, undefined, 300), 600);
    assert.equal(attemptDeadline(callUntil(1_000), 0, 2, undefined, 550), 1_000);
  });

  it('is without end when the call is', () => {
    assert.equal(attemptDeadline(callUntil(Number.POSITIVE_INFINITY), 0, 2, undefined, 0), Number.POSITIVE_INFINITY);
  });
});
