import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { latencyBucket, rpcError } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { CallTally, type EndedCall } from './call-tally.js';

function call(changes: Partial<EndedCall> = {}): EndedCall {
  const peer = { address: '10.0.0.1:4000', name: 'web' };
  return { service: 'shop', method: 'buy', kind: 'unary', peer, durationMs: 5, error: undefined, ...changes };
}

describe('the tally of calls', () => {
  it('counts by method and caller, with errors by code and durations by bucket', () => {
    const tally = new CallTally(new FakeClock());
    assert.deepEqual(tally.ask().calls, []);
    tally.record(call());
    tally.record(call({ error: new RpcError('NOT_FOUND', 'no') }));
    tally.record(call({ durationMs: 50, peer: { address: '::ffff:10.0.0.2:77' } }));
    const { calls } = tally.ask();
    assert.deepEqual(calls, [
      {
        ...{ service: 'shop', method: 'buy', kind: 'unary', caller: 'web', address: '10.0.0.1:4000', calls: 2 },
        errors: { NOT_FOUND: 1 },
        refusals: {},
        latency: [latencyBucket(5), 2],
      },
      {
        ...{ service: 'shop', method: 'buy', kind: 'unary', caller: '::ffff:10.0.0.2', address: '::ffff:10.0.0.2:77' },
        ...{ calls: 1, errors: {}, refusals: {}, latency: [latencyBucket(50), 1] },
      },
    ]);
  });

  it('counts by what refused them calls that have not begun, with a bound', () => {
    const tally = new CallTally(new FakeClock());
    tally.ask();
    const refused = (reason: string) => rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused' });
    for (const reason of ['full', 'full', 'too fast']) tally.record(call({ error: refused(reason) }));
    assert.deepEqual(tally.ask().calls[0]!.refusals, { full: 2, 'too fast': 1 });
    for (let n = 0; n < 50; n++) tally.record(call({ error: refused(`reason ${n}`) }));
    const { refusals } = tally.ask().calls[0]!;
    assert.deepEqual([Object.keys(refusals).length, refusals['(others)']], [21, 32]);
  });

  it('is off until somebody asks, and again a minute after the last one has', async () => {
    const clock = new FakeClock();
    const tally = new CallTally(clock);
    assert.equal(tally.isOn, false);
    const { since } = tally.ask();
    await clock.advance(60_000);
    tally.record(call());
    assert.equal(tally.ask().calls.length, 1);
    await clock.advance(60_001);
    tally.record(call());
    assert.equal(tally.isOn, false);
    const again = tally.ask();
    assert.deepEqual([again.calls, again.since > since], [[], true]);
  });

  it('has a bound, whatever names callers give themselves', () => {
    const tally = new CallTally(new FakeClock());
    tally.ask();
    for (let n = 0; n < 6_000; n++)
      tally.record(call({ method: `m${n % 40}`, peer: { address: 'a:1', name: `client-${n}` } }));
    const { calls } = tally.ask();
    assert.ok(calls.length <= 5_040, String(calls.length));
    assert.equal(
      calls.reduce((sum, each) => sum + each.calls, 0),
      6_000,
    );
    assert.equal(new Set(calls.map(({ caller }) => caller)).size, 201);
  });
});
