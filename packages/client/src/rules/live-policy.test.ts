import assert from 'node:assert/strict';
import { systemClock } from '@org/rpc-core';
import { parseRules } from '@org/rpc-core/internal';
import { RulesFollower } from '@org/rpc-registry/internal';
import { seededRandom } from '@org/rpc-testkit';
import { type ActiveRules, activeRules } from '../policy/active-rules.js';
import { LivePolicy } from './live-policy.js';

/** Follows nothing. */
const NOBODY = {
  ...({ service: 'shop', side: 'client', source: undefined, instance: 'me' } as const),
  ...{ clock: systemClock, onSwap: () => {}, onRejected: () => {}, onWouldApply: () => {} },
};

/** The policy of a method, and a way to give it other rules. */
function setUp(isStream = false): { readonly policy: LivePolicy; rule(rules: object | undefined): void } {
  const pointer: { current: ActiveRules | undefined; readonly counts: RulesFollower['counts'] } = {
    current: undefined,
    counts: new RulesFollower(NOBODY).counts,
  };
  return {
    policy: new LivePolicy({ service: 'shop', method: 'charge', isStream, sources: [] }, pointer, seededRandom(1)),
    rule(rules) {
      const text = JSON.stringify({ schemaVersion: 1, version: 1, ...rules });
      pointer.current = rules && activeRules(parseRules(text), 'me', 'shop');
    },
  };
}

const on = { mode: 'on' } as const;

describe('the policy of a method', () => {
  it('is what the options say while there are no rules, and again when they end', () => {
    const { policy, rule } = setUp();
    const before = policy.now;
    assert.deepEqual(
      [before.timeout.timeoutMs, before.timeout.attemptTimeoutMs, before.retry.max, before.rule],
      [1_000, undefined, 2, undefined],
    );
    rule({ timeout: { ...on, timeoutMs: 5 } });
    assert.equal(policy.now.timeout.timeoutMs, 5);
    rule(undefined);
    assert.equal(policy.now.timeout.timeoutMs, 1_000);
  });

  it('is as usual until a fallback, a mirror, a fault, hedging or a limit is asked for', () => {
    const { policy, rule } = setUp();
    assert.equal(policy.now.isUsual, true);
    const all = [
      { fallback: { ...on, value: 1 } },
      { mirror: { ...on, callPercent: 1 } },
      { fault: { ...on, errorPercent: 1 } },
      { fault: { ...on, dropPercent: 1 } },
      { fault: { ...on, delayMs: 1 } },
      { hedge: { ...on, max: 1 } },
      { rateLimit: { ...on, perSecond: 1 } },
      { concurrency: { ...on, methods: { charge: { max: 1 } } } },
    ];
    for (const asked of all) {
      rule(asked);
      assert.equal(policy.now.isUsual, false, JSON.stringify(asked));
    }
    rule({ timeout: { ...on, timeoutMs: 5 } });
    assert.equal(policy.now.isUsual, true);
  });

  it('is made once for each document, not for each call', () => {
    const { policy, rule } = setUp();
    assert.equal(policy.now, policy.now);
    rule({ timeout: { ...on, timeoutMs: 5 } });
    assert.equal(policy.now, policy.now);
  });

  it('keeps what rules do not say', () => {
    const { policy, rule } = setUp();
    rule({ timeout: { ...on, attemptTimeoutMs: 7 }, retry: on });
    const { timeout, retry } = policy.now;
    assert.deepEqual([timeout.timeoutMs, timeout.attemptTimeoutMs, retry.max], [1_000, 7, 2]);
  });

  it('takes what is said of the method before what is said of all', () => {
    const { policy, rule } = setUp();
    const methods = { charge: { timeoutMs: 6 }, list: { timeoutMs: 8, attemptTimeoutMs: 1 } };
    rule({
      timeout: { ...on, timeoutMs: 5, attemptTimeoutMs: 4, methods },
      retry: { ...on, max: 9, methods: { charge: { max: 0 } } },
    });
    const { timeout, retry } = policy.now;
    assert.deepEqual([timeout.timeoutMs, timeout.attemptTimeoutMs, retry.max], [6, 4, 0]);
  });

  it('takes nothing from rules that are off, dark, or for others', () => {
    const { policy, rule } = setUp();
    for (const scope of [{ mode: 'off' }, { mode: 'dark' }, { mode: 'on', percent: 0 }]) {
      rule({ timeout: { ...scope, timeoutMs: 5 }, retry: { ...scope, max: 9 } });
      assert.deepEqual([policy.now.timeout.timeoutMs, policy.now.retry.max], [1_000, 2]);
    }
  });

  it('of a stream has the timeout of its method only, for that of all would cut it', () => {
    const { policy, rule } = setUp(true);
    rule({ timeout: { ...on, timeoutMs: 5 } });
    assert.equal(policy.now.timeout.timeoutMs, Number.POSITIVE_INFINITY);
    rule({ timeout: { ...on, timeoutMs: 5, methods: { charge: { timeoutMs: 60_000 } } } });
    assert.equal(policy.now.timeout.timeoutMs, 60_000);
  });

  it('looks at single calls only where a rule needs that', () => {
    const { policy, rule } = setUp();
    const other = { list: { enabled: false } };
    for (const rules of [
      { timeout: { ...on, timeoutMs: 5 } },
      { retry: { ...on, max: 1 } },
      { switch: { ...on, methods: other } },
    ]) {
      rule(rules);
      assert.equal(policy.now.rule, undefined);
    }
    rule({ switch: { ...on, methods: { charge: { enabled: false } } } });
    assert.equal(policy.now.rule?.refusal()?.code, 'UNAVAILABLE');
  });
});
