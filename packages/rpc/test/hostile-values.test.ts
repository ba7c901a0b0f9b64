import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { type OpenShop, openShop } from './client/shop.js';

/** A shop whose method `run` answers with what `make` makes. */
const answering = (make: () => unknown): OpenShop => openShop({ handlers: { run: make } });

const circular = (): unknown => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  return loop;
};
const throwing = (): unknown => ({
  get secret() {
    throw new Error('no');
  },
});

describe('a result of a handler', () => {
  for (const [name, make, reason] of [
    ['a function', () => () => 1, /value at \$ is a function/],
    ['a function deep inside', () => ({ a: [{ b: () => 1 }] }), /value at \$\.a\[0\]\.b is a function/],
    ['a symbol', () => ({ a: Symbol('s') }), /value at \$\.a is a symbol/],
    ['circular', circular, /value at \$\.self refers back to \$/],
    ['an object with a getter that throws', throwing, /value at \$\.secret could not be read/],
    ['an instance of a class', () => new (class Account {})(), /is an instance of Account/],
    ['a Proxy that refuses', () => new Proxy({}, { ownKeys: () => assert.fail('no') }), /could not be read: no/],
    ['a WeakMap', () => new WeakMap(), /WeakMap/],
    ['an invalid Date', () => new Date(Number.NaN), /is an invalid Date/],
    ['a bigint without end', () => 1n << 100_000n, /is a bigint of more than/],
    ['half of a surrogate pair', () => '\ud800', /half of a surrogate pair/],
    ['an array of a thousand million holes', () => new Array(1e9), /./],
    ['too large', () => 'x'.repeat(5 * 2 ** 20), /the result has \d+ bytes, the limit is 4194304/],
  ] as const) {
    it(`fails its call alone, and the server knows why, when it is ${name}`, async () => {
      await using open = answering(make);
      const error = await open.shop.run('job').then(
        () => assert.fail('it was answered'),
        (thrown: RpcError) => thrown,
      );
      assert.ok(error instanceof RpcError);
      assert.equal(error.progress, 'processed');
      assert.match(`${error.message} ${open.handlerErrors.join()}`, reason);
      assert.deepEqual(await open.shop.echo('fine'), ['fine']);
    });
  }

  for (const [name, make, expected] of [
    ['undefined', () => undefined, undefined],
    ['null', () => null, null],
    ['a bigint', () => 2n ** 70n, 2n ** 70n],
    ['a Date', () => new Date(5), new Date(5)],
    ['a Map', () => new Map([[1, 'a']]), new Map([[1, 'a']])],
    ['a Set', () => new Set([1]), new Set([1])],
    ['a slice of a buffer', () => new Uint8Array([1, 2, 3, 4]).subarray(1, 3), Buffer.from([2, 3])],
    ['a transparent Proxy', () => new Proxy({ a: 1 }, {}), { a: 1 }],
    ['a sparse array', () => Object.assign(new Array(3), { 1: 'x' }), [undefined, 'x', undefined]],
    ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['an object with then as a value', () => ({ a: { then: 1 } }), { a: { then: 1 } }],
    ['NaN', () => Number.NaN, Number.NaN],
    ['-0', () => -0, -0],
  ] as const) {
    it(`arrives as what it was: ${name}`, async () => {
      await using open = answering(make);
      const value = await open.shop.run('job');
      if (value instanceof Uint8Array) assert.deepEqual(Buffer.from(value), expected);
      else assert.deepEqual(value, expected);
    });
  }

  it('arrives as an Error with name and message, without its stack', async () => {
    await using open = answering(() => new RangeError('too far'));
    const value = (await open.shop.run('job')) as Error;
    assert.ok(value instanceof Error);
    assert.deepEqual([value.name, value.message], ['RangeError', 'too far']);
    assert.ok(!`${value.stack}`.includes('hostile-values.test.ts'));
  });
});

describe('an error of a handler', () => {
  it('has a reason of ten megabytes cut to four kilobytes', async () => {
    await using open = openShop({
      handlers: {
        run: () => {
          throw new RpcError('NOT_FOUND', 'x'.repeat(10 * 2 ** 20));
        },
      },
    });
    await assert.rejects(open.shop.run('job'), (error: RpcError) => {
      assert.equal(error.code, 'NOT_FOUND');
      assert.equal(error.reason.length, 4_096);
      return true;
    });
  });

  it('leaves its cause on the server, also when that is a loop', async () => {
    await using open = openShop({
      handlers: {
        run: () => {
          const error = new RpcError('NOT_FOUND', 'no');
          throw Object.assign(error, { cause: error });
        },
      },
    });
    await assert.rejects(open.shop.run('job'), (error: RpcError) => {
      assert.deepEqual([error.code, error.cause], ['NOT_FOUND', undefined]);
      return true;
    });
  });

  for (const code of [7, null, 'MADE_UP', {}, Symbol('s')]) {
    it(`whose code is ${String(code)} reaches the caller as an error all the same`, async () => {
      await using open = openShop({
        handlers: {
          run: () => {
            throw Object.assign(new Error('a secret'), { code });
          },
        },
      });
      await assert.rejects(open.shop.run('job'), (error: RpcError) => {
        assert.equal(error.code, 'INTERNAL');
        assert.ok(!error.message.includes('a secret'));
        return true;
      });
    });
  }
});

describe('metadata of a caller', () => {
  for (const [name, metadata, reason] of [
    ['a line break', { a: 'x\r\nADMIN logged in' }, /metadata "a" contains control characters/],
    ['an escape sequence', { a: '\u001b[31m' }, /metadata "a" contains control characters/],
    ['a token of a megabyte', { token: 'x'.repeat(2 ** 20) }, /metadata is beyond its limits at "token"/],
    ['a key with a line break', { 'a\r\nb': 'x' }, /metadata key "a\\r\\nb" must be/],
    ['a key with an escape sequence', { '\u001b[31m': 'x' }, /metadata key "\\u001b\[31m" must be/],
    ['a key that is a pseudo header', { ':path': 'x' }, /metadata key ":path" must be/],
  ] as const) {
    it(`is refused before anything is sent, in words without control characters: ${name}`, async () => {
      let calls = 0;
      await using open = openShop({ handlers: { run: () => calls++ } });
      const called = (async () => open.shop.with({ metadata: metadata as never }).run('job'))();
      await assert.rejects(called, (error: Error) => {
        assert.match(error.message, reason);
        assert.ok([...error.message].every((character) => character >= ' '));
        return true;
      });
      assert.equal(calls, 0);
    });
  }
});

/** What Node.js warns of while something runs. */
async function warningsOf(run: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = [];
  const onWarning = (warning: Error): number => warnings.push(warning.message);
  process.on('warning', onWarning);
  try {
    await run();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('warning', onWarning);
  }
  return warnings;
}

describe('the signal of a caller', () => {
  for (const reason of [new Error('enough'), 'enough', 7, null, undefined, {}, Symbol('s')]) {
    it(`may be aborted before or during the call, with any reason: ${String(reason)}`, async () => {
      await using open = openShop();
      await assert.rejects(open.shop.with({ signal: AbortSignal.abort(reason) }).run('job'), { code: 'CANCELLED' });
      const controller = new AbortController();
      const running = assert.rejects(open.shop.with({ signal: controller.signal }).hang(), { code: 'CANCELLED' });
      await open.clock.advance(1);
      controller.abort(reason);
      await running;
    });
  }

  it('may be that of a hundred thousand calls: no warning, and no listener is left', async () => {
    await using open = openShop();
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: unknown[]) => {
      listeners++;
      addEventListener.apply(signal, args as never);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      listeners--;
      removeEventListener.apply(signal, args as never);
    };
    const shop = open.shop.with({ signal });
    const warnings = await warningsOf(async () => {
      for (let round = 0; round < 100; round++)
        await Promise.all(Array.from({ length: 1_000 }, (_, index) => shop.add(index)));
    });
    assert.deepEqual([warnings, listeners], [[], 0]);
  }).timeout(60_000);

  it('may be that of a handler that makes many calls at once, with a signal of their own or without', async () => {
    await using back = openShop();
    await using front = openShop({
      clock: back.clock,
      handlers: {
        run: async () => {
          const shops = [back.shop, back.shop.with({ signal: new AbortController().signal })];
          await Promise.all(Array.from({ length: 100 }, (_, index) => shops[index % 2]!.add(index)));
          return 'done';
        },
      },
    });
    const warnings = await warningsOf(async () => assert.equal(await front.shop.run('job'), 'done'));
    assert.deepEqual(warnings, []);
  });
});
