import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { Call, type CallHolder, type RpcError } from '@org/rpc-core';
import { wireName } from '@org/rpc-core/internal';
import fc from 'fast-check';
import { eldestWith, unwatchSignal, watchSignal } from './call-signals.js';

const REF = { service: 'shop', method: 'buy', wireName: wireName('shop', 'buy') };
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

/** Calls that share a signal, by name, and which of them were abandoned. */
function scene(signal: AbortSignal) {
  const abandoned: string[] = [];
  const causes: unknown[] = [];
  const make = (name: string): Call => {
    const call = new Call(REF, [], false);
    call.signal = signal;
    call.holder = {
      expire: () => {},
      abandon: (given: Call, error: RpcError) => {
        assert.equal(given, call);
        abandoned.push(name);
        causes.push(error.cause);
        unwatchSignal(given);
      },
    } satisfies CallHolder;
    return call;
  };
  return { abandoned, causes, make };
}

describe('the signal of calls in flight', () => {
  it('has one listener, however many calls share it, and none when they have ended', () => {
    const { signal } = new AbortController();
    const { make } = scene(signal);
    const calls = Array.from({ length: 50 }, (_, index) => make(`${index}`));
    for (const call of calls) watchSignal(call);
    assert.equal(listeners(signal), 1);
    for (const call of calls.slice(1)) unwatchSignal(call);
    assert.equal(listeners(signal), 1);
    unwatchSignal(calls[0]!);
    unwatchSignal(calls[0]!);
    assert.equal(listeners(signal), 0);
  });

  it('knows the one that was made first', () => {
    const { signal } = new AbortController();
    const { make } = scene(signal);
    assert.equal(eldestWith(signal), undefined);
    const calls = [30, 10, 20].map((createdAt) => Object.assign(make(`${createdAt}`), { createdAt }));
    for (const call of calls) watchSignal(call);
    assert.equal(eldestWith(signal), calls[1]);
    unwatchSignal(calls[1]!);
    unwatchSignal(calls[0]!);
    assert.equal(eldestWith(signal), calls[2]);
    unwatchSignal(calls[2]!);
    assert.equal(eldestWith(signal), undefined);
  });

  it('ends those that are in flight when it aborts, once each, whoever came and went before', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5 }), { maxLength: 30 }), (steps) => {
        const controller = new AbortController();
        const { abandoned, causes, make } = scene(controller.signal);
        const calls = Array.from({ length: 6 }, (_, index) => make(`${index}`));
        const inFlight = new Set<string>();
        for (const step of steps) {
          const isIn = inFlight.has(`${step}`);
          if (isIn) unwatchSignal(calls[step]!);
          else watchSignal(calls[step]!);
          if (isIn) inFlight.delete(`${step}`);
          else inFlight.add(`${step}`);
          assert.equal(listeners(controller.signal), inFlight.size > 0 ? 1 : 0);
        }
        controller.abort('enough');
        assert.deepEqual(abandoned.sort(), [...inFlight].sort());
        assert.deepEqual(new Set(causes), inFlight.size > 0 ? new Set(['enough']) : new Set());
        assert.equal(listeners(controller.signal), 0);
      }),
      { numRuns: 100 },
    );
  });

  it('leaves a call alone that has none', () => {
    const call = new Call(REF, [], false);
    watchSignal(call);
    unwatchSignal(call);
  });
});
