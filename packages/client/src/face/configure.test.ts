import assert from 'node:assert/strict';
import { defineService, method } from '@org/rpc-core';
import { configure } from './configure.js';

const Shop = defineService('shop', { add: method<(x: number) => number>() });

describe('configure()', () => {
  const wrong: readonly [options: unknown, message: string][] = [
    [{ timeout: 5 }, 'configure(shop): unknown option "timeout"; did you mean "timeoutMs"?'],
    [{ timeoutMs: 0 }, 'configure(shop): timeoutMs must be a number from 1 to 2147483647, got 0'],
    [{ methods: { ad: {} } }, 'configure(shop): the service has no method "ad"; did you mean "add"?'],
    [{ methods: { frobnicate: {} } }, 'configure(shop): the service has no method "frobnicate"'],
    [{ methods: { add: { retries: 1 } } }, 'configure(shop): add: unknown option "retries"; did you mean "retry"?'],
    [
      { methods: { add: { retry: { max: -1 } } } },
      'configure(shop): add: retry: max must be an integer from 0 to 10, got -1',
    ],
    [
      { methods: { add: { retryLater: true } } },
      'configure(shop): add: retryLater is for one-way methods (notify), and this one is unary: use retry and waitForReady for calls that are answered',
    ],
    [{ methods: { add: 5 } }, 'configure(shop): add: options must be an object, got 5'],
    [{ methods: 5 }, 'configure(shop): methods must be an object, got 5'],
    [null, 'configure(shop): options must be an object, got null'],
  ];
  for (const [options, message] of wrong)
    it(`refuses what makes no sense: ${message}`, () => {
      assert.throws(() => configure(Shop, options as never), { name: 'TypeError', message });
    });

  it('wants a contract', () => {
    assert.throws(() => configure({ name: 'shop' } as never, {}), {
      name: 'TypeError',
      message: 'configure: expected a service definition made by defineService(), got an object',
    });
  });
});
