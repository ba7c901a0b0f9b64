import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { Call } from './service.js';
import { sleep } from './wait.js';

function aCall(signal: AbortSignal | undefined, deadline: number): Call {
  const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
  call.signal = signal;
  call.deadline = deadline;
  return call;
}

describe('sleep', () => {
  it('ends when its time has passed', async () => {
    const clock = new FakeClock();
    let awake = false;
    sleep(clock, 100, aCall(undefined, 1_000)).then(() => {
      awake = true;
    });
    await clock.advance(99);
    assert.equal(awake, false);
    await clock.advance(1);
    assert.equal(awake, true);
    assert.equal(clock.pending, 0);
  });

  it('ends at once for a call that is cancelled already', async () => {
    await assert.rejects(sleep(new FakeClock(), 100, aCall(AbortSignal.abort(), 1_000)), { code: 'CANCELLED' });
  });

  it('ends at once for a call without time left', async () => {
    await assert.rejects(sleep(new FakeClock(10), 100, aCall(undefined, 10)), { code: 'DEADLINE_EXCEEDED' });
  });
});
