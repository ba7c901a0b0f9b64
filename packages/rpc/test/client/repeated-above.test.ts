import assert from 'node:assert/strict';
import { createClient } from '@org/rpc-client';
import { defineService, isRpcError, method, RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';

const Front = defineService('front', { ask: method<() => Promise<void>>({ idempotent: true }) });
const Back = defineService('back', { ask: method<() => Promise<void>>({ idempotent: true }) });

/** Calls a service whose handler calls another one that fails. @returns how often the last one was called, and the inner error */
async function callThrough(retry: { max: number; stopBelow?: boolean }): Promise<{ calls: number; inner: RpcError }> {
  const registry = memory();
  let calls = 0;
  let inner!: RpcError;
  const back = createServer({ registry }).add(Back, {
    ask: async () => {
      calls++;
      throw new RpcError('UNAVAILABLE', 'scripted');
    },
  });
  const between = createClient({ registry, breaker: false });
  const front = createServer({ registry }).add(Front, {
    ask: async () => {
      await between
        .service(Back)
        .ask()
        .catch((error: RpcError) => {
          inner = error;
        });
    },
  });
  await back.listen();
  await front.listen();
  const client = createClient({ registry, retry });
  await client.service(Front).ask();
  await Promise.all([client.close(), between.close()]);
  await Promise.all([front.close(), back.close()]);
  assert.ok(isRpcError(inner));
  return { calls, inner };
}

describe('a call that is made while another is served', () => {
  it('is repeated as ever when nobody above repeats', async () => {
    const { calls } = await callThrough({ max: 2 });
    assert.equal(calls, 3);
  });

  it('is not repeated when those above do', async () => {
    const { calls, inner } = await callThrough({ max: 2, stopBelow: true });
    assert.equal(calls, 1);
    assert.equal(inner.attempts.length, 1);
  });

  it('is repeated where those above are told to, and have no repeats themselves', async () => {
    const { calls } = await callThrough({ max: 0, stopBelow: true });
    assert.equal(calls, 3);
  });
});
