import assert from 'node:assert/strict';
import { seededRandom } from '@org/rpc-testkit';
import { MethodTimes } from './method-times.js';

describe('the recent median of a method', () => {
  it('is found among times of any spread, and followed when it changes', () => {
    const random = seededRandom(1);
    const times = new MethodTimes<object>();
    const method = {};
    for (let i = 0; i < 400; i++) times.record(method, -Math.log(1 - random()) * 10);
    const first = times.median(method);
    assert.ok(first > 4.5 && first < 10.5, `${first} of about 6.9`);
    for (let i = 0; i < 400; i++) times.record(method, -Math.log(1 - random()) * 100);
    const then = times.median(method);
    assert.ok(then > 45 && then < 105, `${then} of about 69`);
  });

  it('is unknown until there were some', () => {
    const times = new MethodTimes<object>();
    const method = {};
    for (let i = 0; i < 15; i++) times.record(method, 10);
    assert.equal(times.median(method), 0);
    times.record(method, 10);
    assert.equal(times.median(method), 10);
    assert.equal(times.median({}), 0);
  });
});
