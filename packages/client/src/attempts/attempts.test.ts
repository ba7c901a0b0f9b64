import assert from 'node:assert/strict';
import type { Outcome } from '@org/rpc-core';
import { fuseGates, rpcError } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { aCall } from '../../test/picker-scene.js';
import { Attempts } from './attempts.js';

const never = (): boolean => false;
const unsent = () => rpcError('UNAVAILABLE', 'no connection', { progress: 'unsent' });

function scene() {
  const clock = new FakeClock(1_000);
  const call = aCall();
  const settled: Outcome[] = [];
  call.callGate = fuseGates([{ settle: (_, outcome) => settled.push(outcome) }]);
  let isClosed = false;
  const attempts = new Attempts(call, clock, () => isClosed);
  const close = (): void => {
    isClosed = true;
  };
  return { clock, call, settled, attempts, close };
}

describe('Attempts', () => {
  it('numbers the attempts of a call and records how each has failed', () => {
    const { call, attempts } = scene();
    attempts.failed(call, unsent());
    const second = attempts.next();
    attempts.failed(second, new Error('mine'));
    assert.deepEqual([second.attempt, attempts.next().attempt], [1, 2]);
    assert.deepEqual(
      call.attempts?.map(({ code, progress }) => [code, progress]),
      [
        ['UNAVAILABLE', 'unsent'],
        ['INTERNAL', 'maybe-processed'],
      ],
    );
  });

  it('repeats once for nothing what was never started, and nothing once the client is closed', () => {
    const first = scene();
    assert.equal(
      first.attempts.takeFree(rpcError('UNAVAILABLE', 'lost', { progress: 'maybe-processed' }), never),
      false,
    );
    assert.deepEqual(
      [first.attempts.takeFree(unsent(), never), first.attempts.takeFree(unsent(), never)],
      [true, false],
    );
    const second = scene();
    second.close();
    assert.deepEqual([second.attempts.takeFree(unsent(), never), second.attempts.mayGoOn], [false, false]);
  });

  it('settles a call that is given up, once', () => {
    const { call, settled, attempts } = scene();
    attempts.failed(call, unsent());
    const final = attempts.giveUp(attempts.error!, 'no time is left');
    assert.equal(attempts.giveUp(unsent(), '').code, 'UNAVAILABLE');
    assert.deepEqual([settled, attempts.state], [[final], 'given up']);
  });

  it('is over when an answer is committed to', () => {
    const { call, settled, attempts } = scene();
    attempts.failed(call, unsent());
    attempts.commit();
    attempts.giveUp(unsent(), '');
    assert.deepEqual([settled, attempts.state, attempts.takeFree(unsent(), never)], [[], 'committed', false]);
  });

  it('settles the gates of an attempt that nobody else has settled', () => {
    const { call, attempts } = scene();
    const outcomes: Outcome[] = [];
    call.attemptGate = fuseGates([{ settle: (_, outcome) => outcomes.push(outcome) }]);
    const error = attempts.failed(call, new Error('thrown between'));
    attempts.failed(call, error);
    assert.deepEqual([outcomes, call.endedAt], [[error], 1_000]);
  });
});
