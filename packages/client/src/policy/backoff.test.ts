import assert from 'node:assert/strict';
import { probeDelayMs, retryDelayMs } from './backoff.js';

const least = () => 0;
const middle = () => 0.5;
const most = () => 1;

describe('retryDelayMs', () => {
  it('takes anything from nothing to 25 ms, doubled for each retry, at most 250 ms', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 9].map((retry) => retryDelayMs(retry, most)),
      [25, 50, 100, 200, 250, 250],
    );
    assert.equal(retryDelayMs(9, least), 0);
  });
});

describe('probeDelayMs', () => {
  it('is the base, or a twelfth of the outage, at most 300 s', () => {
    assert.deepEqual(
      [0, 60_000, 120_000, 4_000_000].map((outage) => probeDelayMs(5_000, outage, middle)),
      [5_000, 5_000, 10_000, 300_000],
    );
  });

  it('varies by 10 % to either side', () => {
    assert.deepEqual(
      [least, most].map((random) => Math.round(probeDelayMs(5_000, 0, random))),
      [4_500, 5_500],
    );
  });
});
