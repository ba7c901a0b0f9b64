import assert from 'node:assert/strict';
import { defineService, method, notify, RpcError } from '@org/rpc-core';
import { mockService } from '@org/rpc-testkit';

const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>(),
  negate: method<(x: number) => number>(),
  tell: notify<(event: string) => void>(),
});

describe('mockService()', () => {
  it('answers from the functions that it is given, sync or async', async () => {
    const told: string[] = [];
    const calculator = mockService(Calculator, {
      sum: () => 3,
      negate: async (x) => -x,
      tell: (event) => void told.push(event),
    });
    const { sum, negate, tell } = calculator;
    assert.deepEqual([await sum(1, 2), await negate(5), await tell('news'), told], [3, -5, undefined, ['news']]);
  });

  it('takes options, one after the other, and changes nothing', async () => {
    const calculator = mockService(Calculator, { sum: () => 3 });
    assert.equal(await calculator.with({ timeoutMs: 5 }).with({ metadata: {} }).sum(1, 2), 3);
  });

  it('takes an object whose functions use it', async () => {
    const offset = {
      by: 10,
      sum(x: number, y: number): number {
        return x + y + this.by;
      },
    };
    const { sum } = mockService(Calculator, Object.create(offset, { sum: { value: offset.sum, enumerable: true } }));
    assert.equal(await sum(1, 2), 13);
  });

  it('rejects with what a function throws', async () => {
    const calculator = mockService(Calculator, {
      sum: () => {
        throw new RpcError('OUT_OF_RANGE', 'too large');
      },
    });
    await assert.rejects(calculator.sum(1, 2), {
      message: 'OUT_OF_RANGE: too large (calculator.sum)',
      progress: 'processed',
    });
  });

  it('rejects for a method that it was not given, and names it', async () => {
    await assert.rejects(mockService(Calculator, {}).sum(1, 2), {
      code: 'UNIMPLEMENTED',
      message: 'UNIMPLEMENTED: mockService: calculator.sum was not given',
      service: 'calculator',
      method: 'sum',
    });
  });

  it('passes an error of a mock behind it on as a server would: not as that of the front', async () => {
    const back = mockService(Calculator, {
      negate: () => {
        throw new RpcError('NOT_FOUND', 'no such row');
      },
    });
    const front = mockService(Calculator, { sum: (x) => back.negate(x) });
    await assert.rejects(front.sum(1, 2), (error: RpcError) => {
      assert.deepEqual([error.code, error.service, error.method], ['INTERNAL', 'calculator', 'sum']);
      assert.doesNotMatch(error.message, /no such row/);
      assert.equal((error.cause as RpcError).reason, 'no such row');
      return true;
    });
  });

  it('makes INTERNAL with an id of anything else that is thrown', async () => {
    const failing = mockService(Calculator, {
      sum: () => {
        throw new TypeError('x is not a function');
      },
    });
    await assert.rejects(failing.sum(1, 2), {
      code: 'INTERNAL',
      reason: /the server's log has the reason under \w{19}$/,
    });
  });

  it('carries values through the codec, both ways', async () => {
    const Store = defineService('store', { put: method<(value: object) => object>() });
    const kept = { at: new Date(5), list: [1] };
    let got: object | undefined;
    const { put } = mockService(Store, {
      put: (value) => {
        got = value;
        return kept;
      },
    });
    const passed = { map: new Map([[1, 2]]) };
    const result = await put(passed);
    assert.deepEqual([got, result], [passed, kept]);
    assert.notEqual(got, passed);
    assert.notEqual(result, kept);
    await assert.rejects(put({ call: () => 1 }), {
      code: 'INVALID_ARGUMENT',
      message: /store\.put cannot be sent: value at \$\[0\]\.call is a function/,
      progress: 'unsent',
    });
    const { put: giving } = mockService(Store, { put: () => ({ call: () => 1 }) });
    await assert.rejects(giving({}), { code: 'INTERNAL' });
  });

  it('refuses a function that is no method, and names the one that was probably meant', () => {
    assert.throws(() => mockService(Calculator, { smu: () => 3 } as never), {
      name: 'TypeError',
      message: 'mockService(calculator): unknown option "smu"; did you mean "sum"?',
    });
  });
});
