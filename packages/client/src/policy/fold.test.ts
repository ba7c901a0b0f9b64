import assert from 'node:assert/strict';
import { POLICIES, type PolicyDescription, parseRules } from '@org/rpc-core/internal';
import { activeRules } from './active-rules.js';
import { FOLDED, foldForCall, foldPolicies } from './fold.js';

/** What holds for a method, the nearest source first. */
function fold(sources: readonly object[], rules?: object, isStream = false) {
  const document =
    rules && activeRules(parseRules(JSON.stringify({ schemaVersion: 1, version: 1, ...rules })), 'me', 's');
  const named = sources.map((options, index) => ({ options, isOwn: index === 0 }));
  return foldPolicies({ service: 's', method: 'm', isStream, sources: named }, document);
}

describe('the policies of a method', () => {
  it('are the defaults where nothing is said', () => {
    assert.deepEqual(fold([{}, {}]), {
      timeout: { timeoutMs: 1_000, attemptTimeoutMs: undefined },
      retry: { max: 2, stopBelow: false },
      hedge: { max: 0, percentile: 98, delayMs: undefined, maxPercent: 2 },
      throttle: { multiplier: 2, maxPercent: 90, minCalls: 100 },
      fallback: { enabled: false, value: undefined, from: undefined, when: undefined },
      retryLater: { max: 0, maxBytes: 16_777_216, forMs: 60_000 },
      mirror: { percent: 0, to: undefined, compare: false, maxInFlight: 100 },
      fault: { delayMs: 0, delayPercent: 100, errorPercent: 0, code: undefined, dropPercent: 0 },
      failure: { failureWhen: undefined },
      breaker: { errorPercent: 50, minCalls: 20, windowMs: 10_000, openMs: 5_000 },
    });
  });

  it('take each value from the nearest level that gives it', () => {
    const { timeout } = fold([{ attemptTimeoutMs: 5 }, { timeoutMs: 7, attemptTimeoutMs: 9 }, { timeoutMs: 8 }]);
    assert.deepEqual(timeout, { timeoutMs: 7, attemptTimeoutMs: 5 });
  });

  it('are null where the nearest level says that, which is a value like others', () => {
    assert.equal(fold([{ fallback: { value: null } }, { fallback: { value: 7 } }]).fallback.value, null);
  });

  it('are off where a level says so, unless a nearer one says otherwise', () => {
    assert.equal(fold([{}, { retry: false }, { retry: { max: 5 } }]).retry.max, 0);
    assert.equal(fold([{ retry: { max: 1 } }, { retry: false }]).retry.max, 1);
    // An empty object asks for the policy, and what is hidden behind `false` does not come back.
    assert.equal(fold([{ retry: {} }, { retry: { max: 5 } }]).retry.max, 5);
  });

  it('are on when a level asks for them, where nothing holds otherwise', () => {
    const maxOf = (...sources: object[]): number => fold(sources).hedge.max;
    assert.deepEqual([maxOf({}), maxOf({ hedge: {} }), maxOf({}, { hedge: { delayMs: 5 } })], [0, 1, 1]);
    assert.deepEqual([maxOf({ hedge: false }, { hedge: {} }), maxOf({ hedge: {} }, { hedge: false })], [0, 1]);
    const on = { mode: 'on' };
    assert.equal(fold([{}], { hedge: { ...on, methods: { other: { max: 2 } } } }).hedge.max, 0);
    assert.equal(fold([{}], { hedge: { ...on, methods: { m: { percentile: 90 } } } }).hedge.max, 1);
    assert.equal(fold([{ hedge: {} }], { hedge: { ...on, max: 0 } }).hedge.max, 0);
  });

  it('take no other way to say the same from a level farther away', () => {
    const { hedge } = fold([{ hedge: { percentile: 90 } }, { hedge: { delayMs: 5, max: 2 } }]);
    assert.deepEqual(hedge, { percentile: 90, delayMs: undefined, max: 2, maxPercent: 2 });
    assert.equal(fold([{ hedge: { delayMs: 5, percentile: 90 } }]).hedge.delayMs, 5);
  });

  it('are what a rule says before all, of the method before all methods', () => {
    const rule = { mode: 'on', max: 3, methods: { m: { max: 4 } } };
    assert.equal(fold([{ retry: false }], { retry: rule }).retry.max, 4);
    assert.equal(fold([{ retry: false }], { retry: { ...rule, methods: {} } }).retry.max, 3);
    assert.equal(fold([{ retry: { max: 1 } }], { retry: { ...rule, mode: 'dark' } }).retry.max, 1);
  });

  it('never cut a stream by what was meant for all methods', () => {
    const never = Number.POSITIVE_INFINITY;
    assert.equal(
      fold([{}, { timeoutMs: 5 }], { timeout: { mode: 'on', timeoutMs: 6 } }, true).timeout.timeoutMs,
      never,
    );
    assert.equal(fold([{ timeoutMs: 4 }], undefined, true).timeout.timeoutMs, 4);
  });

  it('are frozen, so that a call can read them without fear', () => {
    const values = fold([{}]);
    assert.ok(Object.isFrozen(values) && Object.isFrozen(values.timeout) && Object.isFrozen(values.retry));
  });

  it('are none that a call has for itself when it was given none', () => {
    const of = { service: 's', method: 'm', isStream: false, sources: [] };
    assert.equal(foldForCall({}, of, undefined), undefined);
    const options = { timeoutMs: 5, hedge: undefined };
    assert.equal(foldForCall(options, of, undefined), undefined);
    const own = foldForCall({ retry: false, throttle: false, retryLater: true }, of, undefined)!;
    assert.deepEqual(
      [own.retry?.max, own.throttle?.maxPercent, own.retryLater?.max, own.hedge],
      [0, 0, 1_000, undefined],
    );
    assert.ok(Object.isFrozen(own.retry));
  });

  it('may be given with a call wherever that is described, and nowhere else', () => {
    const of = { service: 's', method: 'm', isStream: false, sources: [] };
    const described = Object.values(POLICIES).filter(
      ({ levels, option }: PolicyDescription) => levels.includes('call') && option !== undefined,
    );
    const all = Object.fromEntries(Object.values(POLICIES).map(({ name }) => [name, false]));
    const own = Object.entries(foldForCall(all, of, undefined)!).filter(([, values]) => values !== undefined);
    assert.deepEqual(own.map(([name]) => name).sort(), described.map(({ name }) => name).sort());
  });

  it('are all that a method can be given and of which the nearest counts', () => {
    const folded = Object.values(POLICIES).filter(
      ({ applies, levels }: PolicyDescription) => applies === 'nearest' && levels.includes('method'),
    );
    assert.deepEqual(
      Object.keys(FOLDED),
      folded.map(({ name }) => name),
    );
  });
});
