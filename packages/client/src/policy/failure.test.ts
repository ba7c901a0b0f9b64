import assert from 'node:assert/strict';
import type { Code, FailureWhen, Progress } from '@org/rpc-core';
import { markLate, rpcError } from '@org/rpc-core/internal';
import { judgeFailure } from './failure.js';

function judge(code: Code, failureWhen: FailureWhen, progress: Progress = 'processed'): string {
  return judgeFailure(rpcError(code, 'scripted', { progress }), failureWhen);
}

describe('failureWhen', () => {
  it('makes a failure of what its user calls one', () => {
    assert.equal(
      judge('NOT_FOUND', () => true),
      'failure',
    );
    assert.equal(
      judge('RESOURCE_EXHAUSTED', () => true, 'refused'),
      'failure',
    );
  });

  it('takes an answer that is none for a sign that the node works, and a lost one for no sign at all', () => {
    assert.equal(
      judge('INTERNAL', () => false),
      'business',
    );
    assert.equal(
      judge('UNAVAILABLE', () => false, 'maybe-processed'),
      'ignore',
    );
    assert.equal(
      judge('RESOURCE_EXHAUSTED', () => false, 'refused'),
      'overload',
    );
  });

  it('leaves to the code what it does not know', () => {
    assert.deepEqual(
      (['INTERNAL', 'NOT_FOUND', 'UNIMPLEMENTED'] as const).map((code) => judge(code, () => undefined)),
      ['failure', 'business', 'denied'],
    );
  });

  it('is not asked about what says nothing of any node', () => {
    const never: FailureWhen = () => assert.fail('it was asked');
    assert.equal(judgeFailure(undefined, never), 'ok');
    assert.equal(judge('CANCELLED', never, 'maybe-processed'), 'ignore');
    const late = rpcError('DEADLINE_EXCEEDED', 'late', { progress: 'maybe-processed' });
    markLate(late);
    assert.equal(judgeFailure(late, never), 'ignore');
  });
});
