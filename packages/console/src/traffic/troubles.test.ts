import assert from 'node:assert/strict';
import type { OperatorReport } from '@org/rpc';
import { Troubles } from './troubles.js';

const FAILED = { client: 'web', service: 'shop', method: 'buy', what: 'failed', endpoint: 'h:1' } as const;

function report(counts: readonly number[], changes: object = {}): OperatorReport {
  const troubles = counts.map((count, index) => ({
    ...FAILED,
    ...{ method: `m${index}`, code: 'DEADLINE_EXCEEDED', culprit: 'handler', refusedBy: undefined, count },
  }));
  const base = { version: 1, countingSince: 1, loopLagMs: 0, opinions: [], calls: [], process: 'host:7' };
  return { ...base, server: {} as never, troubles, ...changes } as OperatorReport;
}

describe('what went wrong in the last minutes', () => {
  it('is what processes count beyond their report before, however many servers tell it', () => {
    const troubles = new Troubles();
    const counts = () =>
      troubles.lately(130, 10).map(({ caller, method, culprit, count }) => [caller, method, culprit, count]);
    troubles.record('h:1', report([5]), 100);
    assert.deepEqual(counts(), []);
    troubles.record('h:1', report([7, 3]), 101);
    troubles.record('h:2', report([7, 3]), 101);
    assert.deepEqual(counts(), [
      ['web', 'm1', 'handler', 3],
      ['web', 'm0', 'handler', 2],
    ]);
    // The process has begun anew under the same number.
    troubles.record('h:1', report([1]), 125);
    assert.deepEqual(counts().toSorted()[0], ['web', 'm0', 'handler', 3]);
    assert.equal(troubles.lately(130, 1).length, 1);
    troubles.sweep(415);
    assert.deepEqual(
      troubles.lately(415, 10).map(({ method, count }) => [method, count]),
      [['m0', 1]],
    );
    troubles.sweep(500);
    assert.deepEqual(troubles.lately(500, 10), []);
  });

  it('has what servers refused, and by what', () => {
    const troubles = new Troubles();
    const call = { service: 'shop', method: 'buy', kind: 'unary', caller: 'web', errors: {}, latency: [] };
    const of = (refusals: object) =>
      report([], { calls: [{ ...call, refusals }], troubles: undefined, process: undefined });
    troubles.record('h:1', of({}), 100);
    troubles.record('h:1', of({ 'the server is full': 4 }), 101);
    const [refused] = troubles.lately(110, 10);
    assert.deepEqual(
      [refused!.what, refused!.endpoint, refused!.by, refused!.count],
      ['refused', 'h:1', 'the server is full', 4],
    );
  });

  it('has a bound, whatever processes tell', () => {
    const troubles = new Troubles();
    troubles.record('h:1', report([]), 100);
    troubles.record('h:1', report(Array.from({ length: 5_000 }, () => 1)), 101);
    assert.equal(troubles.lately(110, 10_000).length, 2_000);
  });
});
