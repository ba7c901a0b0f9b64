import assert from 'node:assert/strict';
import { type ClientOptions, configure } from '@org/rpc-client';
import { type FailureWhen, isRpcError, RpcError } from '@org/rpc-core';
import { openShop, Shop } from './shop.js';
import { uncaughtIn } from './uncaught.js';

/** Makes ten calls that fail with a code. @returns whether the breaker of the method is open after them */
async function opens(code: 'NOT_FOUND' | 'INTERNAL', client: ClientOptions): Promise<boolean> {
  const add = (): number => {
    throw new RpcError(code, 'scripted');
  };
  const breaker = { minCalls: 5, openMs: 1_000 };
  await using open = openShop({ handlers: { add }, client: { retry: false, breaker, ...client } });
  let isOpen = false;
  open.client.on('breakerOpened', () => {
    isOpen = true;
  });
  for (let i = 0; i < 10; i++) await assert.rejects(open.shop.add(1), { code });
  await new Promise((resolve) => setImmediate(resolve));
  return isOpen;
}

const isMissing: FailureWhen = (error) => isRpcError(error, 'NOT_FOUND') || undefined;

describe('failureWhen', () => {
  it('decides what opens a breaker, and the code where it says nothing', async () => {
    assert.deepEqual([await opens('NOT_FOUND', {}), await opens('INTERNAL', {})], [false, true]);
    const failureWhen = isMissing;
    assert.deepEqual(
      [await opens('NOT_FOUND', { failureWhen }), await opens('INTERNAL', { failureWhen })],
      [true, true],
    );
    assert.equal(await opens('INTERNAL', { failureWhen: () => false }), false);
  });

  it('is that of the method before that of the service before that of the client', async () => {
    const never: FailureWhen = () => false;
    const ofService = configure(Shop, { failureWhen: isMissing });
    const ofMethod = configure(Shop, { failureWhen: never, methods: { add: { failureWhen: isMissing } } });
    assert.equal(await opens('NOT_FOUND', { failureWhen: never, services: [ofService] }), true);
    assert.equal(await opens('NOT_FOUND', { failureWhen: never, services: [ofMethod] }), true);
  });

  it('that throws surfaces, and leaves the code to decide and the call alone', async () => {
    const mistake = new TypeError('no such property');
    const add = (): number => {
      throw new RpcError('INTERNAL', 'scripted');
    };
    const failureWhen: FailureWhen = () => {
      throw mistake;
    };
    await using open = openShop({ handlers: { add }, client: { failureWhen } });
    const uncaught = await uncaughtIn(() => assert.rejects(open.shop.add(1), { code: 'INTERNAL' }));
    assert.equal(uncaught, mistake);
  });

  it('must be a function', () => {
    assert.throws(() => openShop({ client: { failureWhen: true as never } }), {
      name: 'TypeError',
      message: 'createClient: failureWhen must be a function, got true',
    });
  });
});
