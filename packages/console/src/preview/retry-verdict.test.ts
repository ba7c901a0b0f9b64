import assert from 'node:assert/strict';
import { latencyBucket, readRules } from '@org/rpc-core/internal';
import { emptyFlow, type PairCalls } from '../traffic/traffic.js';
import { retryVerdict } from './retry-verdict.js';

/** A hundred calls that took 150 ms, of which 27 ran out of time. */
function pastCalls(): PairCalls {
  const flow = emptyFlow();
  flow.calls = 100;
  flow.latency.set(latencyBucket(150), 100);
  flow.codes.set('DEADLINE_EXCEEDED', 27);
  return {
    pair: { service: 'shop', method: 'buy', kind: 'unary', caller: 'web', instance: 'one' },
    flow,
    slots: new Map(),
  };
}

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
