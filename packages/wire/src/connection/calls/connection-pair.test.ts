import assert from 'node:assert/strict';
import type { CallContext } from '@org/rpc-core';
import fc from 'fast-check';
import { type PairRig, pairRig, type SentCall } from '../../../test/connection-rig.js';

/** A method that answers with its first argument after as many milliseconds as the second says. */
function withDelays(rig: PairRig): PairRig {
  rig.host.methods['delay'] = (value: unknown, ms: number) =>
    new Promise((resolve) => rig.clock.schedule(ms, () => resolve(value)));
  return rig;
}

describe('a client and a server', () => {
  it('exchange arguments, results, metadata and errors', async () => {
    const rig = pairRig();
    rig.host.methods['describe'] = (...all: unknown[]) => {
      const call = all.at(-1) as CallContext;
      call.responseMetadata['served-by'] = 'me';
      return { args: all.slice(0, -1), metadata: { ...call.metadata }, remainingMs: call.remainingMs() };
    };
    const sent = rig.call('describe', [1, 'zwei', { three: [null] }], { metadata: { a: 'ü' }, timeoutMs: 70.5 });
    const unknown = rig.call('nothing');
    await rig.settle();
    assert.deepEqual(sent.value, { args: [1, 'zwei', { three: [null] }], metadata: { a: 'ü' }, remainingMs: 71 });
    assert.deepEqual({ ...sent.call.responseMetadata }, { 'served-by': 'me' });
    assert.deepEqual([unknown.error?.code, unknown.error?.progress], ['UNIMPLEMENTED', 'refused']);
    assert.equal(rig.observed.greeted[0]?.instance, 'test-instance');
  });

  it('bring a thousand answers to their callers, although the handlers end in another order', async () => {
    const rig = withDelays(pairRig());
    const sent = Array.from({ length: 1_000 }, (_, index) => rig.call('delay', [index, (index * 7_919) % 997]));
    await rig.clock.advance(1_000);
    for (const [index, { value, settledTimes }] of sent.entries()) assert.deepEqual([value, settledTimes], [index, 1]);
    assert.deepEqual([rig.connection.inFlight, rig.server.running], [0, 0]);
  });

  it('agree that a cancelled call is over, whichever side is first', async () => {
    const rig = withDelays(pairRig());
    const controllers = Array.from({ length: 20 }, () => new AbortController());
    const sent = controllers.map(({ signal }, index) => rig.call('delay', [index, 10], { signal }));
    for (const [index, controller] of controllers.entries()) rig.clock.schedule(index, () => controller.abort());
    await rig.clock.advance(30);
    const outcomes = sent.map(({ value, error }) => value ?? error?.code);
    assert.deepEqual(
      outcomes.slice(0, 10),
      Array.from({ length: 10 }, () => 'CANCELLED'),
    );
    assert.deepEqual(outcomes.slice(11), [11, 12, 13, 14, 15, 16, 17, 18, 19]);
    assert.deepEqual([rig.connection.inFlight, rig.server.running], [0, 0]);
    assert.ok(rig.host.calls[0]!.signal.aborted);
  });

  it('finish what is in flight when the server drains, then close without an error to anybody', async () => {
    const rig = withDelays(pairRig());
    const sent = [rig.call('delay', ['a', 50]), rig.call('delay', ['b', 80])];
    await rig.settle();
    rig.server.drain('shutting down');
    await rig.clock.advance(79);
    assert.equal(rig.observed.closed.length, 0);
    await rig.clock.advance(1);
    assert.deepEqual(
      sent.map(({ value }) => value),
      ['a', 'b'],
    );
    assert.deepEqual([rig.observed.closed.length, rig.host.closedReasons.length, rig.clock.pending], [1, 1, 0]);
  });

  it('part when the instance is not the one that was meant; nothing was run', async () => {
    const rig = pairRig({ expectInstance: 'somebody-else' });
    const sent = rig.call('echo', ['x']);
    await rig.settle();
    assert.deepEqual([sent.error?.code, sent.error?.progress], ['UNAVAILABLE', 'refused']);
    assert.deepEqual([rig.host.calls.length, rig.observed.closed.length, rig.host.closedReasons.length], [0, 1, 1]);
  });

  it('survive a value that is too deep for the server: it costs its own call, and no other', async () => {
    const rig = pairRig({ limits: { messageDepth: 8 } });
    let deep: unknown = 1;
    for (let i = 0; i < 20; i++) deep = [deep];
    const sent = rig.call('echo', [deep]);
    const beside = rig.call('echo', ['beside']);
    await rig.settle();
    assert.deepEqual([sent.error?.code, sent.error?.progress], ['INVALID_ARGUMENT', 'refused']);
    assert.match(sent.error!.reason, /^the arguments cannot be taken: .*deep/);
    assert.deepEqual([beside.value, rig.observed.closed, rig.host.closedReasons], ['beside', [], []]);
  });

  it('keep each other alive through silence', async () => {
    const rig = pairRig();
    for (let second = 0; second < 120; second++) {
      await rig.clock.advance(1_000);
      rig.connection.tick(rig.clock.now());
      rig.server.tick(rig.clock.now());
    }
    await rig.settle();
    assert.deepEqual([rig.observed.closed, rig.host.closedReasons], [[], []]);
    const sent = rig.call('echo', ['still here']);
    await rig.settle();
    assert.equal(sent.value, 'still here');
  });

  it('settle every call once, whatever happens when', async () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('call'), n: fc.nat(60) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('abort'), n: fc.nat(30) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('advance'), n: fc.nat(30) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom('drain', 'refuse', 'clientDrain', 'serverClose', 'clientClose'),
          n: fc.nat(9),
        }),
      },
    );
    const property = fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
      const rig = withDelays(pairRig({ limits: { callsInFlight: 6 } }));
      const sent: (SentCall & { abort(): void })[] = [];
      for (const { do: what, n } of events) {
        if (what === 'call') {
          const controller = new AbortController();
          const call = rig.call('delay', [sent.length, n], { timeoutMs: 40, signal: controller.signal });
          sent.push(Object.assign(call, { abort: () => controller.abort() }));
        } else if (what === 'abort') sent[n % Math.max(1, sent.length)]?.abort();
        else if (what === 'advance') await rig.clock.advance(n);
        else if (what === 'drain') rig.server.drain('bye');
        else if (what === 'refuse') rig.server.refuseNew('bye');
        else if (what === 'clientDrain') rig.connection.drain();
        else if (what === 'serverClose') rig.server.close('bye');
        else rig.connection.close('bye');
      }
      await rig.clock.advance(41);
      for (const [index, { settledTimes, value, error }] of sent.entries()) {
        assert.equal(settledTimes, 1);
        assert.ok(error !== undefined || value === index);
        if (error?.progress === 'refused' || error?.progress === 'unsent')
          assert.ok(!rig.host.calls.some(({ args }) => args[0] === index), 'it was run after all');
      }
      await rig.clock.advance(1_500);
      assert.deepEqual([rig.connection.inFlight, rig.server.running, rig.timers.size, rig.clock.pending], [0, 0, 0, 0]);
      assert.equal(rig.host.ended.length, rig.host.calls.length);
    });
    await fc.assert(property, { numRuns: 300, seed: 9 });
  });
});
