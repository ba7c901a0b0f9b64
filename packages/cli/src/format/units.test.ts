import assert from 'node:assert/strict';
import { formatCount, formatMs, formatShare, formatSpan } from './units.js';

describe('formatMs', () => {
  it('takes the unit that reads best, with three digits', () => {
    const values = [0, 0.00123, 0.0874, 0.5, 0.9996, 1.2345, 12.345, 123.45, 999.6, 1500];
    const texts = ['0', '1.23 us', '87.4 us', '500 us', '1.00 ms', '1.23 ms', '12.3 ms', '123 ms', '1.00 s', '1.50 s'];
    assert.deepEqual(values.map(formatMs), texts);
  });

  it('shows what there is not as a dash', () => {
    assert.deepEqual([null, undefined, Number.NaN].map(formatMs), ['-', '-', '-']);
  });
});

describe('formatShare', () => {
  it('never shows a share that is not zero as zero', () => {
    assert.deepEqual([0, 1e-7, 0.00012, 0.0345, 1].map(formatShare), ['0 %', '< 0.001 %', '0.01 %', '3.45 %', '100 %']);
  });
});

describe('formatCount and formatSpan', () => {
  it('write numbers and times as people do', () => {
    assert.equal(formatCount(1_234_567.4), '1,234,567');
    assert.deepEqual([250, 1500, 10_000, 120_000].map(formatSpan), ['250 ms', '1.5 s', '10 s', '2 min']);
  });
});
