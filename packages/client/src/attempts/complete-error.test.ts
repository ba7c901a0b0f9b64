import assert from 'node:assert/strict';
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
    assert.equal(error.spent?.culprit, 'handler');
  });
});
