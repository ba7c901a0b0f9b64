import assert from 'node:assert/strict';
import { baselineOf, changes } from './baseline.js';

describe('the baseline of the small benchmarks', () => {
  const baseline = { pick: { ratio: 2, bytes: 100 }, gone: { ratio: 1, bytes: 0 } };
  const judge = (ratio: number, bytes: number) => changes(baseline, new Map([['pick', { ns: 1, ratio, bytes }]]));

  it('takes 5 % more time or bytes for a change, and less for none', () => {
    assert.deepEqual(judge(2.09, 119), { dearer: [], cheaper: [] });
    assert.deepEqual(judge(2.11, 100).dearer, [{ name: 'pick', what: 'time', before: 2, now: 2.11 }]);
    assert.deepEqual(judge(2, 122).dearer, [{ name: 'pick', what: 'bytes', before: 100, now: 122 }]);
    assert.deepEqual(judge(1.5, 100).cheaper, [{ name: 'pick', what: 'time', before: 2, now: 1.5 }]);
  });

  it('compares nothing that only one of the runs has', () => {
    const found = changes(baseline, new Map([['new', { ns: 1, ratio: 99, bytes: 99 }]]));
    assert.deepEqual(found, { dearer: [], cheaper: [] });
  });

  it('keeps ratios and bytes, which hold for other machines, and no times', () => {
    const kept = baselineOf(new Map([['pick', { ns: 12.5, ratio: 1.23456, bytes: 7 }]]));
    assert.deepEqual(kept, { pick: { ratio: 1.235, bytes: 7 } });
  });
});
