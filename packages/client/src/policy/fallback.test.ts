import assert from 'node:assert/strict';
import type { Code, FallbackFunction, FallbackOptions, RpcError } from '@org/rpc-core';
import { POLICIES, resolvePolicy, rpcError } from '@org/rpc-core/internal';
import { aCall } from '../../test/picker-scene.js';
import { type FallbackEvent, type FallbackValues, fallback } from './fallback.js';

const down = rpcError('UNAVAILABLE', 'down', { progress: 'unsent' });

interface Answer {
  readonly value?: unknown;
  readonly error?: RpcError;
  readonly events: readonly FallbackEvent[];
}

/** What a call that fails is answered with. */
async function answer(given: FallbackOptions | FallbackFunction | false, error: RpcError = down): Promise<Answer> {
  const values = resolvePolicy('test', POLICIES.fallback, given as FallbackOptions);
  const events: FallbackEvent[] = [];
  const layer = fallback(
    () => values as FallbackValues,
    (event) => events.push(event),
  );
  try {
    return { value: await layer(() => Promise.reject(error))(aCall()), events };
  } catch (thrown) {
    return { error: thrown as RpcError, events };
  }
}

describe('fallback', () => {
  it('answers with a value, or with what a function makes of the error and the call', async () => {
    assert.deepEqual((await answer({ value: [] })).value, []);
    assert.equal((await answer({})).value, undefined);
    const { value, events } = await answer(async ({ code }, { service, method, args }) => [
      code,
      service,
      method,
      args,
    ]);
    assert.deepEqual(value, ['UNAVAILABLE', 'shop', 'buy', []]);
    assert.deepEqual(events, [{ service: 'shop', method: 'buy', error: down }]);
  });

  it('is for trouble, not for what a handler refuses', async () => {
    const isReplaced = async (code: Code, progress: RpcError['progress']): Promise<boolean> =>
      (await answer({ value: 1 }, rpcError(code, 'scripted', { progress }))).value === 1;
    for (const code of ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'INTERNAL'] as const)
      assert.equal(await isReplaced(code, 'processed'), true, code);
    assert.equal(await isReplaced('RESOURCE_EXHAUSTED', 'unsent'), true);
    for (const code of ['NOT_FOUND', 'INVALID_ARGUMENT', 'UNAUTHENTICATED', 'CANCELLED'] as const)
      assert.equal(await isReplaced(code, 'processed'), false, code);
  });

  it('is for the errors that its user says', async () => {
    const missing = rpcError('NOT_FOUND', 'none', { progress: 'processed' });
    assert.equal((await answer({ value: 1, when: ({ code }) => code === 'NOT_FOUND' }, missing)).value, 1);
    assert.equal((await answer({ value: 1, when: () => false })).error, down);
  });

  it('that throws surfaces, and the call fails as it would have', async () => {
    const mistake = new TypeError('mine');
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
    const { error, events } = await answer(() => {
      throw mistake;
    });
    assert.deepEqual([error, events, await uncaught], [down, [], mistake]);
    for (const listener of listeners) process.on('uncaughtException', listener);
  });

  it('is off where it is not asked for, and where a rule puts it off', async () => {
    assert.equal((await answer(false)).error, down);
    assert.equal((await answer({ value: 1, enabled: false })).error, down);
  });

  it('refuses what is no option of it', () => {
    const resolve = (given: object) => resolvePolicy('createClient', POLICIES.fallback, given);
    assert.throws(() => resolve({ val: 1 }), /createClient: fallback: unknown option "val"; did you mean "value"/);
    assert.throws(() => resolve({ from: 1 }), /from must be a function, got 1/);
  });
});
