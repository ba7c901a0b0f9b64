import assert from 'node:assert/strict';
import { callContext, contextKey, systemClock } from '@org/rpc-core';
import { runInCallContext } from '@org/rpc-testkit';

describe('runInCallContext()', () => {
  it('runs a function as if it served a call, and gives its result', () => {
    const metadata = { tenant: 'a' };
    const controller = new AbortController();
    const seen = runInCallContext(
      { service: 'calculator', method: 'sum', metadata, signal: controller.signal, deadline: 5, peer: '10.0.0.7:1' },
      () => callContext(),
    );
    assert.deepEqual(
      [seen?.service, seen?.method, seen?.deadline, seen?.peer.address],
      ['calculator', 'sum', 5, '10.0.0.7:1'],
    );
    assert.equal(seen?.metadata, metadata);
    assert.equal(seen?.signal, controller.signal);
    assert.equal(callContext(), undefined);
  });

  it('has harmless values for what is not given', () => {
    const context = runInCallContext({}, callContext)!;
    assert.equal(context.remainingMs(), Number.POSITIVE_INFINITY);
    assert.equal(context.signal.aborted, false);
    assert.deepEqual([context.metadata, context.responseMetadata, context.service], [{}, {}, 'test']);
  });

  it('counts what is left until the deadline, never below zero', () => {
    const past = runInCallContext({ deadline: systemClock.now() - 1_000 }, callContext)!;
    const future = runInCallContext({ deadline: systemClock.now() + 60_000 }, callContext)!;
    assert.equal(past.remainingMs(), 0);
    assert.ok(future.remainingMs() > 0 && future.remainingMs() <= 60_000);
  });

  it('goes on in what the function awaits', async () => {
    const seen = await runInCallContext({ method: 'sum' }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return callContext()?.method;
    });
    assert.equal(seen, 'sum');
  });

  it('keeps values by their keys', () => {
    const user = contextKey<string>('user');
    runInCallContext({}, () => {
      assert.equal(callContext()?.get(user), undefined);
      callContext()?.set(user, 'ann');
      assert.equal(callContext()?.get(user), 'ann');
    });
  });
});
