import assert from 'node:assert/strict';
import { readRules } from '@org/rpc-core/internal';
import { pastCalls } from '../../test/past-calls.js';
import { timeoutVerdict } from './timeout-verdict.js';

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
    assert.deepEqual(against(100, inForce), [100, false]);
    assert.deepEqual(against(300, inForce), [27, false]);
    assert.deepEqual(against(100, { ...inForce, mode: 'dark' }), [100, false]);
    assert.deepEqual(against(800, undefined), [27, true]);
  });
});
