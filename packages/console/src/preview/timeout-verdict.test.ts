import assert from 'node:assert/strict';
import { latencyBucket, readRules } from '@org/rpc-core/internal';
import { emptyFlow, type PairCalls } from '../traffic/traffic.js';
import { timeoutVerdict } from './timeout-verdict.js';

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

describe('what another timeout would have meant', () => {
  it('counts the difference to the one in force: who would have had longer, at most, and who less', () => {
    const past = pastCalls();
    const against = (timeoutMs: number, now: object | undefined) => {
      const current = now && document({ timeout: now });
      const verdict = timeoutVerdict(document({ timeout: { mode: 'on', timeoutMs } }), current, [past]);
      return [verdict.judge(past), verdict.isAtMost];
    };
    const inForce = { mode: 'on', timeoutMs: 400 };
    assert.deepEqual(against(800, inForce), [27, true]);
    assert.deepEqual(against(400, inForce), [0, false]);
    assert.deepEqual(against(100, inForce), [73, false]);
    assert.deepEqual(against(300, inForce), [0, false]);
    assert.deepEqual(against(100, { ...inForce, mode: 'dark' }), [100, false]);
    assert.deepEqual(against(800, undefined), [27, true]);
  });
});
