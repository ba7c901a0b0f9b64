import assert from 'node:assert/strict';
import { preemptedMs } from './preempted-time.js';

describe('the time for which others were run', () => {
  it('is a number that only grows, whatever the system tells of it', () => {
    const first = preemptedMs();
    assert.ok(first >= 0);
    assert.ok(preemptedMs() >= first);
  });
});
