import assert from 'node:assert/strict';
import { CallTrail } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { aCall } from '../../test/picker-scene.js';
import { Attempts } from './attempts.js';

/** The final error of a call with 100 ms, whose server answers after so long that its time is over. */
function answeredAfter(ms: number) {
  const call = aCall();
  call.createdAt = 1_000;
  call.startedAt = 1_002;
  call.deadline = 1_100;
  call.attemptDeadline = 1_100;
  call.endedAt = 1_000 + ms;
  call.destination = { address: 'h:1' };
  const attempts = new Attempts(
    call,
    new FakeClock(1_000 + ms),
    () => false,
    () => 'left out of 3 instances: 1 draining',
  );
  const answer = rpcError('DEADLINE_EXCEEDED', 'stock.take took longer than 90 ms', { progress: 'processed' });
  return attempts.giveUp(attempts.failed(call, answer), '');
}

describe('completeError', () => {
  it('says where the time went also when the server was the first to say that it is over', () => {
    const error = answeredAfter(99);
    const { service, method } = error;
    assert.equal(
      error.message,
      `DEADLINE_EXCEEDED: ${service}.${method} took longer than 99 ms (h:1 ended it after 97 ms, as it was out of time; ` +
        'stock.take took longer than 90 ms; left out of 3 instances: 1 draining); at fault: the handler at h:1, which had it for 97 of 99 ms (layers 2 ms)',
    );
    assert.deepEqual([error.spent?.culprit, error.progress], ['handler', 'processed']);
  });

  it('leaves the words of a handler that says so while there is time left', () => {
    const error = answeredAfter(60);
    assert.match(error.message, /^DEADLINE_EXCEEDED: stock\.take took longer than 90 ms \(.* at h:1\)$/);
    assert.equal(error.spent, undefined, 'it is not the handler that was late, but what it called');
  });

  it('names the instance that took the time, and not the one that had the rest of it', () => {
    const call = aCall();
    call.createdAt = 1_000;
    call.deadline = 1_200;
    call.endedAt = 1_200;
    const attempts = new Attempts(call, new FakeClock(1_200), () => false);
    for (const [address, startedAt, endedAt] of [
      ['slow:1', 1_000, 1_170],
      ['fast:1', 1_180, 1_200],
    ] as const) {
      const attempt = address === 'slow:1' ? call : attempts.next();
      Object.assign(attempt, { startedAt, attemptDeadline: endedAt, destination: { address } });
      attempt.trail = new CallTrail();
      attempt.trail.asked = startedAt + 5;
      attempt.trail.standing = { at: startedAt + 6, sinceMs: 5, waitedMs: 0, isRunning: true };
      attempt.endedAt = endedAt;
      attempts.failed(attempt, rpcError('DEADLINE_EXCEEDED', 'no reply', { progress: 'maybe-processed' }));
    }
    const error = attempts.giveUp(attempts.error!, 'no time is left');
    assert.equal(error.spent?.endpoint, 'slow:1');
    assert.match(error.message, /at fault: the handler at slow:1, which had it for \d+ of 200 ms/);
  });
});
