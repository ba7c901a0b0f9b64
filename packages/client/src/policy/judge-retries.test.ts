import assert from 'node:assert/strict';
import type { AttemptRecord, Call, Progress } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { aCall } from '../../test/picker-scene.js';
import { type DarkView, foldPolicies } from './fold.js';
import { judgeRetries } from './judge-retries.js';

const LOST = rpcError('UNAVAILABLE', 'the connection was lost', { progress: 'maybe-processed' });

function view(max: number, isStream = false): DarkView {
  const sources = [{ options: { retry: { max } }, isOwn: true }];
  return {
    isStream,
    hasOwnTimeout: false,
    inForce: foldPolicies({ service: 's', method: 'm', isStream, sources }, undefined),
  };
}

/** An idempotent call whose failed attempts came this far. */
function failedAt(...progress: Progress[]): Call {
  const call = aCall();
  call.idempotent = true;
  call.attempts = progress.map(
    (at): AttemptRecord => ({ endpoint: 'a:1', durationMs: 1, code: 'UNAVAILABLE', progress: at }),
  );
  return call;
}

describe('a dark rule for retries', () => {
  it('tells which calls would have been repeated less often', () => {
    const twice = failedAt('maybe-processed', 'maybe-processed');
    assert.equal(judgeRetries(twice, undefined, view(2), { max: 1 }), 'it would have been repeated 1 times at most');
    assert.equal(judgeRetries(failedAt('maybe-processed'), undefined, view(2), { max: 1 }), undefined);
  });

  it('tells which calls failed that would have been repeated more often', () => {
    const used = failedAt('maybe-processed', 'maybe-processed');
    assert.equal(judgeRetries(used, LOST, view(1), { max: 3 }), 'it would have been repeated up to 3 times');
    used.idempotent = false;
    assert.equal(judgeRetries(used, LOST, view(1), { max: 3 }), undefined);
  });

  it('leaves out the repeat of what was never started, which is free', () => {
    const call = failedAt('unsent', 'maybe-processed');
    assert.equal(judgeRetries(call, undefined, view(2), { max: 1 }), undefined);
  });

  it('says nothing of calls that did not fail, of streams, and where it would change nothing', () => {
    assert.equal(judgeRetries(aCall(), undefined, view(2), { max: 0 }), undefined);
    const twice = failedAt('maybe-processed', 'maybe-processed');
    assert.equal(judgeRetries(twice, undefined, view(2, true), { max: 0 }), undefined);
    assert.equal(judgeRetries(twice, undefined, view(2), { max: 2 }), undefined);
    assert.equal(judgeRetries(twice, undefined, view(2), {}), undefined);
  });
});
