import assert from 'node:assert/strict';
import { readRules } from '@org/rpc-core/internal';
import { pastCalls } from '../../test/past-calls.js';
import { retryVerdict } from './retry-verdict.js';

const document = (rules: object) => readRules({ schemaVersion: 1, version: 1, ...rules });

describe('what a rule of retries would have meant', () => {
  it('counts what ran out of time, also by the time that the same document gives an attempt, and says what it cannot know', () => {
    const judge = (rules: object) => retryVerdict(document(rules)).judge(pastCalls());
    const retry = { mode: 'on', max: 1 };
    assert.equal(judge({ retry }), 27);
    assert.equal(judge({ retry, timeout: { mode: 'on', attemptTimeoutMs: 100 } }), 100);
    assert.equal(judge({ retry, timeout: { mode: 'dark', attemptTimeoutMs: 100 } }), 27);
    assert.equal(judge({ retry: { mode: 'on', methods: { find: { max: 1 } } } }), 0);
    const { isAtMost, meaning } = retryVerdict(document({ retry }));
    assert.equal(isAtMost, true);
    assert.match(meaning, /an attempt has only a share of the time/);
  });
});
