import assert from 'node:assert/strict';
import { Call, type RpcError } from '@org/rpc-core';
import { fuseGates, POLICIES, resolvePolicy, rpcError } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { refuse } from '../../test/picker-scene.js';
import { admission } from './admission.js';
import { ConcurrencyLimit } from './concurrency-limit.js';

/** Calls that stay under way until they are ended by hand, behind one limit. */
function scene(max: number, queue: number) {
  const clock = new FakeClock();
  const limit = new ConcurrencyLimit('shop.buy', { max, queue }, clock);
  const gate = fuseGates([limit]);
  const started: Call[] = [];
  const serve = admission(
    { now: [limit] },
    refuse,
  )((call) => {
    started.push(call);
    return new Promise((resolve, reject) => {
      call.resolve = resolve;
      call.reject = reject;
    });
  });
  const start = (timeoutMs = 1_000, signal?: AbortSignal) => {
    const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
    call.deadline = clock.now() + timeoutMs;
    call.signal = signal;
    call.callGate = gate;
    const promise = serve(call);
    promise.catch(() => {});
    return { call, promise };
  };
  return { clock, limit, started, start };
}

describe('ConcurrencyLimit', () => {
  it('starts max calls at once and refuses the rest without a queue', async () => {
    const { start, started } = scene(2, 0);
    start();
    start();
    await assert.rejects(start().promise, {
      code: 'RESOURCE_EXHAUSTED',
      progress: 'unsent',
      service: 'shop',
      method: 'buy',
    });
    assert.equal(started.length, 2);
  });

  it('starts the call that waits longest when one ends, well or not', async () => {
    const { clock, limit, start, started } = scene(1, 5);
    const first = start();
    const second = start();
    const third = start();
    assert.equal(limit.waiting, 2);
    first.call.succeed(1);
    await clock.advance(0);
    assert.deepEqual(started, [first.call, second.call]);
    second.call.settleCall(rpcError('UNAVAILABLE', 'lost'));
    await clock.advance(0);
    assert.deepEqual(started, [first.call, second.call, third.call]);
    third.call.succeed(1);
    assert.equal(limit.active, 0);
  });

  it('refuses a call when the queue is full', async () => {
    const { start } = scene(1, 1);
    start();
    start();
    await assert.rejects(
      start().promise,
      /1 call of shop.buy is under way in this client and 1 wait: slow down or raise the limit/,
    );
  });

  it('ends the wait of a call at its deadline, and keeps its place for nobody', async () => {
    const { clock, limit, start, started } = scene(1, 2);
    const first = start();
    const impatient = start(100);
    const patient = start(1_000);
    await clock.advance(100);
    await assert.rejects(impatient.promise, { code: 'DEADLINE_EXCEEDED' });
    first.call.succeed(1);
    await clock.advance(0);
    assert.deepEqual(started, [first.call, patient.call]);
    assert.equal(limit.active, 1);
  });

  it('ends the wait of a call that is cancelled', async () => {
    const { limit, start } = scene(1, 2);
    start();
    const controller = new AbortController();
    const waiting = start(1_000, controller.signal);
    controller.abort();
    await assert.rejects(waiting.promise, { code: 'CANCELLED' });
    assert.equal(limit.waiting, 0);
  });

  it('rejects a call that was cancelled before it waited', async () => {
    const { limit, start } = scene(1, 2);
    start();
    await assert.rejects(start(1_000, AbortSignal.abort()).promise, { code: 'CANCELLED' });
    assert.equal(limit.waiting, 0);
  });

  it('starts those who wait when it is raised', async () => {
    const { clock, limit, start, started } = scene(1, 5);
    start();
    start();
    start();
    limit.configure({ max: 3, queue: 5 });
    await clock.advance(0);
    assert.equal(started.length, 3);
  });
});

describe('admission', () => {
  it('gives back what a call holds when a later limit refuses it', async () => {
    const clock = new FakeClock();
    const limit = new ConcurrencyLimit('shop', { max: 1, queue: 0 }, clock);
    const refusal = rpcError('RESOURCE_EXHAUSTED', 'no');
    const serve = admission(
      { now: [limit, { admit: () => refusal, giveBack() {} }] },
      refuse,
    )(() => assert.fail('the call was started'));
    const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
    call.callGate = fuseGates([limit]);
    await assert.rejects(serve(call), refusal);
    assert.equal(limit.active, 0);
  });

  it('forwards without a promise of its own', () => {
    const promise = Promise.resolve(1);
    const serve = admission({ now: [{ admit: () => undefined, giveBack() {} }] }, refuse)(() => promise);
    const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
    assert.equal(serve(call), promise);
  });

  it('asks the limits that follow one that made the call wait', async () => {
    const asked: string[] = [];
    const slow = { admit: async (): Promise<void> => void asked.push('slow'), giveBack: () => {} };
    const last = { admit: (): RpcError => rpcError('RESOURCE_EXHAUSTED', 'no'), giveBack: () => {} };
    const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
    await assert.rejects(admission({ now: [slow, last] }, refuse)(() => assert.fail())(call), {
      code: 'RESOURCE_EXHAUSTED',
    });
    assert.deepEqual(asked, ['slow']);
  });
});

describe('the option concurrency', () => {
  it('has no queue unless told otherwise', () => {
    assert.deepEqual(resolvePolicy('t', POLICIES.concurrency, { max: 5 }), { max: 5, queue: 0 });
  });

  it('refuses what is out of bounds', () => {
    assert.throws(
      () => resolvePolicy('createClient', POLICIES.concurrency, { max: 0 }),
      /createClient: concurrency: max must be an integer from 1/,
    );
  });
});
