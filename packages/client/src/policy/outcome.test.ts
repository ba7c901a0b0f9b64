import assert from 'node:assert/strict';
import type { Code, Progress } from '@org/rpc-core';
import { markLate, rpcError } from '@org/rpc-core/internal';
import { classify, type OutcomeKind } from './outcome.js';

describe('classify', () => {
  const rows: readonly [Code, Progress, OutcomeKind, string][] = [
    ['UNAVAILABLE', 'unsent', 'failure', 'no connection'],
    ['UNAVAILABLE', 'maybe-processed', 'failure', 'the connection broke'],
    ['UNAVAILABLE', 'processed', 'failure', 'the server cannot'],
    ['UNAVAILABLE', 'refused', 'ignore', 'it drains'],
    ['DEADLINE_EXCEEDED', 'maybe-processed', 'failure', 'no reply'],
    ['DEADLINE_EXCEEDED', 'unsent', 'ignore', 'it never left this process'],
    ['DEADLINE_EXCEEDED', 'refused', 'overload', 'its queue was too long'],
    ['INTERNAL', 'processed', 'failure', 'the handler is broken'],
    ['UNKNOWN', 'processed', 'failure', 'the handler is broken'],
    ['DATA_LOSS', 'processed', 'failure', 'the handler is broken'],
    ['RESOURCE_EXHAUSTED', 'refused', 'overload', 'it has too much to do'],
    ['RESOURCE_EXHAUSTED', 'unsent', 'ignore', 'a limit of this client'],
    ['NOT_FOUND', 'processed', 'business', 'an answer'],
    ['INVALID_ARGUMENT', 'processed', 'business', 'an answer'],
    ['INVALID_ARGUMENT', 'unsent', 'ignore', 'it could not be encoded'],
    ['CANCELLED', 'maybe-processed', 'ignore', 'the caller gave up'],
    ['UNIMPLEMENTED', 'refused', 'denied', 'the caller calls the wrong thing, or the node lacks it'],
    ['PERMISSION_DENIED', 'refused', 'denied', 'the caller may not, or the node does not know it'],
  ];
  for (const [code, progress, kind, why] of rows) {
    it(`takes ${code} that is ${progress} for ${kind}: ${why}`, () => {
      assert.equal(classify(rpcError(code, why, { progress })), kind);
    });
  }

  it('takes an answer that is too large for one that a well node has given', () => {
    const facts = { progress: 'processed', final: true } as const;
    assert.equal(classify(rpcError('RESOURCE_EXHAUSTED', 'too large', facts)), 'business');
  });

  it('takes a result for ok', () => {
    assert.equal(classify(undefined), 'ok');
  });

  it('ignores an expiry that this process noticed late', () => {
    const error = rpcError('DEADLINE_EXCEEDED', 'no reply', { progress: 'maybe-processed' });
    markLate(error);
    assert.equal(classify(error), 'ignore');
  });
});
