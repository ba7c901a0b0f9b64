import assert from 'node:assert/strict';
import { readRules } from '@org/rpc-core/internal';
import { pastCalls } from '../../test/past-calls.js';
import type { Trouble } from '../traffic/troubles.js';
import { liftedRule } from './lifted-rule.js';
import { previewRules } from './preview-rules.js';

const document = (rules: object) => readRules({ schemaVersion: 1, version: 1, ...rules });
const past = pastCalls();
const { service, method, caller } = past.pair;

function told(what: Trouble['what'], rule: Trouble['rule'], count: number, changes: Partial<Trouble> = {}): Trouble {
  const nothing = { endpoint: '', code: undefined, culprit: undefined, by: undefined };
  return { what, rule, count, caller, service, method, ...nothing, ...changes };
}

describe('what the end of a rule would mean', () => {
  const troubles = [
    told('limited', 'rateLimit', 3_000),
    told('waited', 'rateLimit', 361),
    told('limited', 'rateLimit', 7, { service: 'another' }),
    told('limited', 'concurrency', 5),
    told('failed', 'timeout', 40),
  ];
  const inForce = document({
    rateLimit: { mode: 'on', perSecond: 15 },
    timeout: { mode: 'on', timeoutMs: 500 },
    breaker: { mode: 'on', errorPercent: 90 },
  });
  const rowsOf = (rules: object) => previewRules(service, document(rules), [past], new Map(), inForce, troubles);

  it('is what clients say that it has done, and what nobody counts is said', () => {
    const { count, unseen, methods } = liftedRule('rateLimit', service, troubles);
    assert.deepEqual([count, unseen, methods.get(method)], [3_361, 3_000, 3_361]);
    assert.equal(liftedRule('breaker', service, troubles).count, undefined);
  });

  it('has a row for each rule that is left out or off', () => {
    for (const rules of [{}, { rateLimit: { mode: 'off', perSecond: 15 } }]) {
      const rows = rowsOf(rules);
      assert.deepEqual(Object.fromEntries(rows.map((row) => [row.policy, [row.mode, row.affected]])), {
        rateLimit: ['off', 3_361],
        timeout: ['off', 40],
        breaker: ['off', undefined],
      });
      const limit = rows.find(({ policy }) => policy === 'rateLimit')!;
      assert.match(limit.meaning, /would end: calls were refused by it .* would pass/);
      assert.equal(limit.calls, past.flow.calls + 3_000);
    }
  });

  it('is a bound for another limit, since nobody knows how many of those refused it lets pass', () => {
    const limit = (rateLimit: object) => rowsOf({ rateLimit }).find(({ policy }) => policy === 'rateLimit')!;
    const higher = limit({ mode: 'on', perSecond: 30 });
    assert.deepEqual([higher.affected, higher.isAtMost, higher.callers[caller]], [3_361, true, 3_361]);
    assert.match(higher.meaning, /^3,361 calls were refused by the rule in force or waited/);
    const [first] = previewRules(service, document({ rateLimit: { mode: 'on', perSecond: 9 } }), [past], new Map());
    assert.equal(first!.isAtMost, false);
  });
});
