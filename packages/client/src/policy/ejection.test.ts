import assert from 'node:assert/strict';
import { POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { seededRandom } from '@org/rpc-testkit';
import { EjectionCount, OutlierRecord } from './ejection.js';
import type { OutcomeKind } from './outcome.js';

const VALUES = resolvePolicy('test', POLICIES.ejection);

/** Records outcomes one after the other, each of a call of a millisecond. @returns whether the last one ejects */
function record(outlier: OutlierRecord, kinds: readonly OutcomeKind[], from = 0, everyMs = 10): boolean {
  let ejects = false;
  kinds.forEach((kind, index) => {
    const at = from + index * everyMs;
    ejects = outlier.record(kind, at, at + 1, VALUES);
  });
  return ejects;
}

const many = (kind: OutcomeKind, count: number): OutcomeKind[] => new Array<OutcomeKind>(count).fill(kind);
const anOutlier = (): OutlierRecord => new OutlierRecord(seededRandom(1), 0);

describe('what a node has done', () => {
  it('ejects it after five failures in a row, and a success between begins anew', () => {
    assert.equal(record(anOutlier(), many('failure', 4)), false);
    assert.equal(record(anOutlier(), many('failure', 5)), true);
    assert.equal(record(anOutlier(), [...many('failure', 4), 'ok', ...many('failure', 4)]), false);
  });

  it('counts those that were under way together as one: a connection that is lost has one cause', () => {
    const outlier = anOutlier();
    record(outlier, many('ok', 1_000));
    let ejects = false;
    for (let i = 0; i < 64; i++) ejects ||= outlier.record('failure', 9_990, 10_010, VALUES);
    assert.equal(ejects, false);
  });

  it('ejects it below the share of successes, with what it did before it failed', () => {
    const mixed = Array.from({ length: 100 }, (_, index): OutcomeKind => (index % 4 === 0 ? 'failure' : 'ok'));
    assert.equal(record(anOutlier(), [...mixed, 'failure']), true);
    const outlier = anOutlier();
    record(outlier, many('ok', 2_000));
    assert.equal(record(outlier, [...mixed, 'failure'], 20_000), false);
  });

  it('is not held against it when it is overloaded, refuses, or is left by callers', () => {
    for (const kind of ['overload', 'ignore', 'business', 'denied'] as const)
      assert.equal(record(anOutlier(), many(kind, 100)), false);
  });

  it('is forgotten when nothing has failed for a window', () => {
    const outlier = anOutlier();
    record(outlier, many('failure', 4));
    record(outlier, many('ok', 40), 1_000, 1_000);
    const rare = Array.from({ length: 30 }, (_, index): OutcomeKind => (index % 6 === 0 ? 'failure' : 'ok'));
    assert.equal(record(outlier, [...rare, 'failure'], 41_000), false);
  });

  it('is tried after 5 s, and ever more rarely the longer it fails, up to 5 minutes; each time not by all clients at once', () => {
    const outlier = anOutlier();
    assert.ok(Math.abs(outlier.eject(1_000, VALUES) - 5_000) <= 500);
    assert.deepEqual([outlier.isDue(5_400), outlier.isDue(6_600)], [false, true]);
    outlier.postpone(1_000 + 120_000);
    assert.deepEqual([outlier.isDue(129_900), outlier.isDue(132_100)], [false, true]);
    outlier.postpone(1_000 + 36_000_000);
    assert.deepEqual([outlier.isDue(36_270_000), outlier.isDue(36_332_000)], [false, true]);
  });
});

describe('how many nodes may be left alone', () => {
  it('is a share of them, one of two in any case, and never the last', () => {
    const mayEject = (present: number, ejected: number, maxPercent = 50): boolean =>
      Object.assign(new EjectionCount(), { present, ejected }).mayEject({ ...VALUES, maxPercent });
    assert.deepEqual([mayEject(10, 4), mayEject(10, 5)], [true, false]);
    assert.deepEqual([mayEject(3, 0), mayEject(3, 1)], [true, false]);
    assert.deepEqual([mayEject(2, 0), mayEject(1, 0), mayEject(2, 0, 10)], [true, false, true]);
    assert.deepEqual([mayEject(3, 1, 100), mayEject(3, 2, 100), mayEject(3, 0, 0)], [true, false, false]);
  });
});
