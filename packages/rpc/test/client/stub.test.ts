import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { openShop, Shop } from './shop.js';

interface Api {
  add(x: number, y?: number): number;
  echo(...values: unknown[]): unknown[];
}

describe('the stub of a contract', () => {
  it('has methods that can be taken off it', async () => {
    await using open = openShop();
    const { add } = open.shop;
    assert.equal(await add(1, 2, 3), 6);
    assert.deepEqual(await Promise.all([1, 2].map((x) => add(x, 0, 0))), [1, 2]);
  });

  it('is a plain object: it can be awaited, printed and made JSON of', async () => {
    await using open = openShop();
    const { shop } = open;
    assert.equal(await shop, shop);
    assert.equal(JSON.stringify(shop), '{}');
    assert.equal(`${shop}`, '[object Object]');
    assert.match(inspect(shop), /add: \[Function/);
    assert.deepEqual(Object.keys(shop), Object.keys(Shop.methods));
  });

  it('derives a stub with options, and is itself as before', async () => {
    await using open = openShop();
    const hasty = open.shop.with({ timeoutMs: 50 });
    const [fromHasty, fromPlain] = [hasty.hang(), open.shop.hang()];
    await Promise.all([
      open.clock.advance(1_000),
      assert.rejects(fromHasty, /took longer than 50 ms/),
      assert.rejects(fromPlain, /took longer than 1000 ms/),
    ]);
  });

  it('has methods that can be taken off a derived stub too', async () => {
    await using open = openShop();
    const { hang } = open.shop.with({ timeoutMs: 50 });
    await Promise.all([assert.rejects(hang(), /took longer than 50 ms/), open.clock.advance(50)]);
  });

  it('derives from a derived stub: what is given later goes first, the rest stays', async () => {
    const received: unknown[] = [];
    await using open = openShop({ server: { authorize: ({ metadata }) => void received.push({ ...metadata }) } });
    const derived = open.shop.with({ timeoutMs: 50, metadata: { tenant: 'a' } }).with({ timeoutMs: 70 });
    await Promise.all([assert.rejects(derived.hang(), /took longer than 70 ms/), open.clock.advance(70)]);
    assert.deepEqual(received, [{ tenant: 'a' }]);
  });

  it('makes nothing for methods of a derived stub that are not used', async () => {
    await using open = openShop();
    const derived = open.shop.with({ timeoutMs: 50 });
    assert.deepEqual(Object.getOwnPropertyNames(derived), []);
    assert.equal(Object.getPrototypeOf(derived), Object.getPrototypeOf(open.shop.with({})));
  });

  it('takes an option that is undefined for left out', async () => {
    await using open = openShop();
    assert.equal(await open.shop.with({ timeoutMs: undefined, signal: undefined }).add(1), 111);
  });
});

describe('the options of a call', () => {
  const wrong: readonly [options: unknown, message: string][] = [
    [{ timeout: 5 }, 'call options: unknown option "timeout"; did you mean "timeoutMs"?'],
    [{ timeoutMs: 0 }, 'call options: timeoutMs must be a number from 1 to 2147483647, got 0'],
    [{ timeoutMs: '5' }, 'call options: timeoutMs must be a number from 1 to 2147483647, got "5"'],
    [{ timeoutMs: 2 ** 31 }, 'call options: timeoutMs must be a number from 1 to 2147483647, got 2147483648'],
    [{ timeoutMs: Number.NaN }, 'call options: timeoutMs must be a number from 1 to 2147483647, got NaN'],
    [{ attemptTimeoutMs: -1 }, 'call options: attemptTimeoutMs must be a number from 1 to 2147483647, got -1'],
    [{ idleTimeoutMs: 0 }, 'call options: idleTimeoutMs must be a number from 1 to 2147483647, got 0'],
    [{ signal: 'stop' }, 'call options: signal must be an AbortSignal, got "stop"'],
    [{ metadata: 'a=b' }, 'call options: metadata must be an object, got "a=b"'],
    [{ idempotent: 'yes' }, 'call options: idempotent must be true or false, got "yes"'],
    [{ priority: 256 }, 'call options: priority must be an integer from 0 to 255, got 256'],
    [{ hashKey: 7 }, 'call options: hashKey must be text, got 7'],
    [{ waitForReady: 1 }, 'call options: waitForReady must be true or false, got 1'],
    [{ onResponse: {} }, 'call options: onResponse must be a function, got an object'],
    [undefined, 'call options: options must be an object, got undefined'],
    [50, 'call options: options must be an object, got 50'],
  ];
  for (const [options, message] of wrong) {
    it(`are checked at once: ${message}`, async () => {
      await using open = openShop();
      const { client, shop } = open;
      const error = { name: 'TypeError', message };
      assert.throws(() => shop.with(options as never), error);
      assert.throws(() => shop.with({}).with(options as never), error);
      if (options === undefined) return;
      assert.throws(() => client.service(Shop, options as never), error);
      assert.throws(() => client.service<Api>('shop', options as never), error);
      assert.throws(() => client.service<Api>('shop').with(options as never), error);
      assert.throws(() => client.call('shop', 'add', [1], options as never), error);
    });
  }
});

describe('the stub of a plain interface', () => {
  it('calls methods by their names', async () => {
    await using open = openShop();
    const { add, echo } = open.client.service<Api>('shop');
    assert.equal(await add(1, 2), 103);
    assert.deepEqual(await echo('a'), ['a']);
  });

  it('gives the same function each time', async () => {
    await using open = openShop();
    const shop = open.client.service<Api>('shop');
    assert.equal(shop.add, shop.add);
  });

  it('derives stubs with options, one after the other', async () => {
    await using open = openShop();
    const shop = open.client.service<{ hang(): void }>('shop');
    const derived = shop.with({ timeoutMs: 50 }).with({ metadata: { tenant: 'a' } });
    await Promise.all([assert.rejects(derived.hang(), /took longer than 50 ms/), open.clock.advance(50)]);
  });

  it('calls nothing when it is awaited, printed, compared, put into text or made JSON of', async () => {
    const calls: string[] = [];
    await using open = openShop({ server: { authorize: (call) => void calls.push(call.method) } });
    const shop = open.client.service<Api>('shop');
    assert.equal(await shop, shop);
    assert.equal(await Promise.resolve(shop), shop);
    assert.equal(JSON.stringify({ shop }), '{"shop":{}}');
    assert.equal(`${shop}`, '[stub of shop]');
    assert.equal(String(shop), '[stub of shop]');
    assert.equal(typeof inspect(shop, { showProxy: false }), 'string');
    assert.deepEqual(Object.keys(shop), []);
    assert.equal(shop instanceof Promise, false);
    await open.clock.advance(0);
    assert.deepEqual(calls, []);
  });

  for (const name of ['then', 'catch', 'finally', 'toJSON', '__proto__'])
    it(`has nothing under the reserved name ${name}`, async () => {
      await using open = openShop();
      assert.equal((open.client.service<Api>('shop') as unknown as Record<string, unknown>)[name], undefined);
    });

  it('has nothing under symbols', async () => {
    await using open = openShop();
    const shop = open.client.service<Api>('shop') as unknown as Record<symbol, unknown>;
    for (const symbol of [Symbol.iterator, Symbol.asyncIterator, Symbol.toStringTag, inspect.custom, Symbol('own')])
      assert.equal(shop[symbol], undefined);
  });

  it('lets tools ask for any name, and looks at it when it is called', async () => {
    await using open = openShop();
    const shop = open.client.service<Record<string, () => unknown>>('shop');
    assert.equal(typeof shop['$$typeof'], 'function');
    assert.throws(() => shop['$$typeof']!(), /^TypeError: method name must be 1 to 200 of .*, got "\$\$typeof"$/);
  });

  it('is not made for a name that no service can have', async () => {
    await using open = openShop();
    assert.throws(
      () => open.client.service<Api>('my shop'),
      /^TypeError: client\.service: the name of a service must be 1 to 200 of .*, got "my shop"$/,
    );
  });
});
