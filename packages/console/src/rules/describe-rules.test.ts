import assert from 'node:assert/strict';
import type { RulesDocument } from '@org/rpc-core';
import { RULE_POLICIES, readRules } from '@org/rpc-core/internal';
import type { RulesReport, StoredRules } from '@org/rpc-registry';
import { summaryOf } from './describe-rules.js';
import { followersOf } from './reports-of-rules.js';

function stored(version: number, rules: object): StoredRules & { readonly document: RulesDocument } {
  const document = readRules({ schemaVersion: 1, version, ...rules }, 'rules');
  return { version, text: '', document, problem: undefined };
}

function report(instance: string, modes: object, changes: Partial<RulesReport> = {}): RulesReport {
  const policies = { ...Object.fromEntries(RULE_POLICIES.map((each) => [each, 'off'])), ...modes } as never;
  return { instance, status: 'applied', version: 2, inForce: 2, reason: undefined, at: 0, policies, ...changes };
}

describe('rules in words', () => {
  it('have their values, and then whether they are in force', () => {
    const { document } = stored(1, {
      timeout: { mode: 'on', percent: 25, timeoutMs: 500, methods: { find: { timeoutMs: 40 } } },
      retry: { mode: 'on', max: 0, methods: { buy: { max: 1 } } },
      hedge: { mode: 'off', percent: 5, delayMs: 30 },
      weight: { mode: 'dark', endpoints: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 } },
      serverRateLimit: { mode: 'dark', percent: 10, perSecond: 9 },
    });
    assert.deepEqual(summaryOf(document).split('; '), [
      'timeout: timeoutMs 500, find.timeoutMs 40 (on for 25 % of the clients)',
      'retry: 0 retries, buy 1 retry (on)',
      'hedge: delayMs 30 (off)',
      'weight: a 1, b 2, c 3, d 4, 2 more values (dark: only counted)',
      'serverRateLimit: perSecond 9 (dark: only counted for 10 % of the servers)',
    ]);
    assert.equal(summaryOf(stored(1, {}).document), 'no rules');
  });

  it('are told of those whom they concern, each with what it follows, by the version that is in force there', () => {
    const history = [stored(2, { retry: { mode: 'on', max: 0 } }), stored(1, { retry: { mode: 'dark', max: 3 } })];
    const reports = [
      report('shop-1@server', {}),
      report('web', { retry: 'on' }),
      report('late', { retry: 'dark' }, { inForce: 1, version: 1 }),
      report('older', { retry: 'on' }, { inForce: 0 }),
      report('shop-2@server', {}, { status: 'rejected', reason: 'no' }),
    ];
    const { concerned, others } = followersOf(history[0], history, reports);
    assert.deepEqual(
      concerned.map(({ name, side, follows }) => [name, side, ...follows]),
      [
        ['web', 'client', 'retry: 0 retries, in force (on)'],
        ['late', 'client', 'retry: 3 retries, dark (only counted)'],
        ['older', 'client', 'retry: values not kept, on'],
        ['shop-2', 'server'],
      ],
    );
    assert.deepEqual(
      others.map(({ name, side }) => [name, side]),
      [['shop-1', 'server']],
    );
    const same = ['h:1', 'h:2', 'h:3'].map((process) => {
      const isOld = process === 'h:3';
      return report(
        'trips',
        { retry: isOld ? 'dark' : 'on' },
        { process, hasCalled: process === 'h:2', ...(isOld && { inForce: 1 }) },
      );
    });
    assert.deepEqual(
      followersOf(history[0], history, same).concerned.map(({ name, processes, inForce, hasCalled }) => {
        return [name, processes, inForce, hasCalled];
      }),
      [
        ['trips', 2, 2, true],
        ['trips', 1, 1, false],
      ],
    );
    const both = [stored(3, { retry: { mode: 'on', max: 0 }, serverConcurrency: { mode: 'on', max: 5 } })];
    assert.equal(followersOf(both[0], both, reports).others.length, 0);
    assert.equal(followersOf(undefined, [], reports).others.length, 0);
  });
});
