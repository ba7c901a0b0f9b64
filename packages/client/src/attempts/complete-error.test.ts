import assert from 'node:assert/strict';
import { CallTrail, type Progress, type RpcError } from '@org/rpc-core';
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

/** A call with 1000 ms by default, sent to one instance. */
function timedCall() {
  const call = aCall();
  Object.assign(call, { createdAt: 1_000, startedAt: 1_000, deadline: 2_000, attemptDeadline: 2_000 });
  call.destination = { address: 'h:1' };
  const terms = { rulesVersion: undefined, timeout: { timeoutMs: 1_000 }, setBy: () => 'default' };
  Object.assign(call.methodRef, { terms });
  return call;
}

/** The final error of a call whose only attempt has run out of time. */
function failedWith(call: ReturnType<typeof aCall>, progress: Progress, stop = ''): RpcError {
  const attempts = new Attempts(call, new FakeClock(call.endedAt), () => false);
  return attempts.giveUp(attempts.failed(call, rpcError('DEADLINE_EXCEEDED', 'out of time', { progress })), stop);
}

describe('completeError', () => {
  it('says where the time went also when the server was the first to say that it is over', () => {
    const error = answeredAfter(99);
    const { service, method } = error;
    assert.equal(
      error.message,
      `DEADLINE_EXCEEDED: ${service}.${method} took longer than 99 ms (h:1 ended it after 97 ms, as it was out of time; ` +
        'stock.take took longer than 90 ms; left out of 3 instances: 1 draining); at fault: the handler at h:1, or a call of its own, which had it for 97 of 99 ms (layers 2 ms)',
    );
    assert.deepEqual([error.spent?.culprit, error.progress], ['handler', 'processed']);
  });

  it('leaves the words of a handler that says so while there is time left', () => {
    const error = answeredAfter(60);
    assert.match(error.message, /^DEADLINE_EXCEEDED: stock\.take took longer than 90 ms \(.* at h:1\)$/);
    assert.equal(error.spent, undefined, 'it is not the handler that was late, but what it called');
  });

  it('says of a call that its server has ended early how much time it had, who had set it, and where it went', () => {
    const call = timedCall();
    call.endedAt = 1_637;
    const attempts = new Attempts(call, new FakeClock(1_637), () => false);
    const reason = 'it had 1000 ms left when it came';
    const answer = rpcError('DEADLINE_EXCEEDED', reason, { progress: 'processed' });
    answer.expired = true;
    const { message, timeLimit, spent } = attempts.giveUp(attempts.failed(call, answer), '');
    assert.match(message, /was ended after 637 of 1000 ms, the default of timeoutMs \(.*h:1 ended it after 637 ms/);
    assert.match(message, /it had 1000 ms left when it came\); at fault: the handler at h:1, or a call of its own/);
    assert.deepEqual([timeLimit?.ms, spent?.culprit], [1_000, 'handler']);
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
    assert.match(
      error.message,
      /at fault: the handler at slow:1, or a call of its own, which had it for \d+ of 200 ms/,
    );
  });

  it('blames a process that stands still where others at its host were heard meanwhile, else the way there as well', () => {
    for (const [heardAt, hostHeardAt, culprit] of [
      [1_100, 1_700, 'process'],
      [1_100, 1_400, 'network'],
      [1_600, 1_700, 'network'],
      [1_100, undefined, 'network'],
    ] as const) {
      const call = timedCall();
      call.endedAt = 2_000;
      call.destination = { address: 'h:1', instance: 'maps-3', heardAt, hostHeardAt };
      call.trail = new CallTrail();
      call.trail.asked = 1_500;
      const { message, spent } = failedWith(call, 'maybe-processed');
      assert.equal(spent?.culprit, culprit);
      if (culprit === 'process')
        assert.match(
          message,
          /at fault: the process of h:1 \[maps-3\], which stood still: nothing came from it for 1000 of 1000 ms, while others at its host answered$/,
        );
    }
  });

  it('names the share of an attempt, and why it was not tried again', () => {
    const call = timedCall();
    Object.assign(call, { attemptDeadline: 1_400.25, endedAt: 1_401 });
    const error = failedWith(call, 'processed', 'no time is left');
    assert.match(
      error.message,
      /shop\.buy took longer than 400 ms, the share of one attempt in 1000 ms, the default of timeoutMs \(no attemptTimeoutMs is set; .*\) \(h:1 ended it .*not retried: no time is left\)/,
    );
    const { option, ms, setBy } = error.timeLimit!;
    assert.deepEqual([option, ms, setBy], ['attemptTimeoutMs', 400.25, 'share']);
  });

  it('does not say that a call took longer than a time which was not over', () => {
    const error = failedWith(Object.assign(timedCall(), { endedAt: 1_966 }), 'processed');
    assert.match(
      error.message,
      /^DEADLINE_EXCEEDED: shop\.buy was ended after 966 of 1000 ms, the default of timeoutMs \(/,
    );
  });

  it('lays what was refused before a handler began at no handler', () => {
    const call = Object.assign(timedCall(), { endedAt: 1_814 });
    call.trail = new CallTrail();
    call.trail.standing = { at: 1_814, sinceMs: 800, waitedMs: 0, isRunning: false, isDone: true };
    const error = failedWith(call, 'refused');
    assert.deepEqual([error.spent?.culprit, error.spent?.phases], ['queue', { queue: 800, network: 14 }]);
    assert.match(
      error.message,
      /at fault: the queue of h:1, in which it waited for 800 of 814 ms before a handler began/,
    );
  });

  it('does not blame an event loop that ran after the call was sent, and tells how late the end was noticed', () => {
    for (const [ranAt, culprit] of [
      [1_000, 'loop'],
      [1_150, 'server'],
    ] as const) {
      const call = Object.assign(timedCall(), { deadline: 1_500, attemptDeadline: 1_500, endedAt: 1_655 });
      const loop = {
        lateMs: (from: number, to: number) => Math.max(0, Math.min(1_655, to) - Math.max(1_250, from)),
        ranBetween: (from: number, to: number) => ranAt > from && ranAt < to,
      };
      Object.assign(call.methodRef, { loop });
      const { spent, message } = failedWith(call, 'maybe-processed');
      assert.deepEqual([spent?.culprit, spent?.phases, spent?.noticedLateMs], [culprit, { [culprit]: 500 }, 155]);
      assert.match(message, /; that its time was over was noticed 155 ms late, as this process stood still$/);
    }
  });

  it('lays what was noticed late of an attempt, within the time of its call, at the event loop and at no layer', () => {
    const call = Object.assign(timedCall(), { deadline: 1_388, attemptDeadline: 1_155, endedAt: 1_377 });
    const lateMs = (from: number, to: number) => Math.max(0, Math.min(1_377, to) - Math.max(1_138, from));
    Object.assign(call.methodRef, { loop: { lateMs, ranBetween: () => true } });
    call.trail = new CallTrail();
    call.trail.asked = 1_078;
    const { spent } = failedWith(call, 'maybe-processed');
    assert.deepEqual([spent?.culprit, spent?.phases.layers], ['loop', undefined]);
  });

  it('blames the own event loop for no more than it was late, and only for most of the time', () => {
    for (const [lateMs, at, culprit, endpoint] of [
      [5, 302, 'network', 'h:1'],
      [60, 302, 'loop', undefined],
      [60, 390, 'network', 'h:1'],
      [180, 390, 'network', 'h:1'],
      [230, 390, 'loop', undefined],
    ] as const) {
      const call = Object.assign(timedCall(), { deadline: 1_400, attemptDeadline: 1_400, endedAt: 1_400 });
      Object.assign(call.methodRef, { loop: { lateMs: () => lateMs } });
      call.trail = new CallTrail();
      call.trail.asked = 1_300;
      // It was asked at 300 ms, and says at once, or when it no longer stands still, that it has just read the call.
      call.trail.standing = { at: 1_000 + at, sinceMs: 1, waitedMs: 0, isRunning: true };
      const { spent } = failedWith(call, 'maybe-processed');
      assert.deepEqual([spent?.culprit, spent?.endpoint], [culprit, endpoint], `late by ${lateMs} ms`);
    }
  });
});
