import assert from 'node:assert/strict';
import type { Outcome } from './scenario.js';
import { markdownTable, textTable } from './table.js';

describe('the table of faults', () => {
  const outcome: Outcome = {
    name: 'a',
    title: 'a|b',
    faultMs: 1_250,
    made: 12_345,
    failed: 0,
    failedOnce: 0,
    longestMs: 30.4,
    convergedMs: 400,
    notes: [],
    problems: [],
  };
  const broken = { ...outcome, failed: 3, failedOnce: 2, convergedMs: undefined, notes: ['n'], problems: ['p\nq'] };

  it('is aligned on a terminal, with a line for each fault', () => {
    assert.equal(
      textTable([outcome, broken]),
      [
        'fault  lasted   calls                    failed  longest call  agreed after',
        'a|b     1.3 s  12,345                         0         30 ms         0.4 s',
        'a|b     1.3 s  12,345  3 (2 not safe to repeat)         30 ms         never',
      ].join('\n'),
    );
  });

  it('shows on a page what was noted and which promise was broken', () => {
    const [, , good, bad] = markdownTable([outcome, broken]).split('\n');
    assert.equal(good, '| a\\|b | 1.3 s | 12,345 | 0 | 30 ms | 0.4 s |');
    assert.equal(bad, '| a\\|b; n; **p q** | 1.3 s | 12,345 | 3 (2 not safe to repeat) | 30 ms | never |');
  });
});
