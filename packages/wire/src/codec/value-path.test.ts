import assert from 'node:assert/strict';
import vm from 'node:vm';
import { codecError, decoded, encoded } from '../../test/codec-helpers.js';

/** The message of what refuses the value. */
function refusal(value: unknown): string {
  try {
    encoded(value);
  } catch (error) {
    assert.ok(codecError(/./)(error), String(error));
    return (error as Error).message;
  }
  assert.fail('was not refused');
}

class Account {
  readonly id = 1;
}

describe('refusal of a value', () => {
  it('names the path of a function or symbol', () => {
    const value = [{ user: { callback: () => 1 } }];
    assert.equal(refusal(value), 'value at $[0].user.callback is a function, which MessagePack cannot carry');
    assert.equal(refusal(Symbol('s')), 'value at $ is a symbol, which MessagePack cannot carry');
  });

  it('quotes keys that are no plain names', () => {
    assert.match(refusal({ 'a b': [{ 'c\n': () => 1 }] }), /^value at \$\["a b"\]\[0\]\["c\\n"\] is a function/);
  });

  it('names the class of an instance', () => {
    assert.equal(
      refusal({ account: new Account() }),
      'value at $.account is an instance of Account, which MessagePack cannot carry; send a plain object',
    );
    const others = [
      new WeakMap(),
      Promise.resolve(),
      /x/,
      new URL('http://a'),
      new DataView(new ArrayBuffer(1)),
      Object(1),
    ];
    for (const other of [
      ...others,
      new (class {})(),
      Object.create({}),
      (function* () {})(),
      new SharedArrayBuffer(1),
    ]) {
      assert.match(refusal([other]), /^value at \$\[0\] is an instance of /);
    }
  });

  it('tells a cycle and where it goes back to', () => {
    const value: { a: { list: unknown[] } } = { a: { list: [0] } };
    value.a.list.push({ again: value.a });
    assert.equal(refusal(value), 'value at $.a.list[1].again refers back to $.a, and MessagePack cannot carry a cycle');
    const map = new Map<string, unknown>();
    map.set('self', map);
    assert.match(refusal([map]), /^value at \$\[0\]<value 0> refers back to \$\[0\]/);
  });

  it('takes the same object twice where there is no cycle', () => {
    const shared = { x: 1 };
    assert.deepEqual(decoded(encoded([shared, { shared }])), [{ x: 1 }, { shared: { x: 1 } }]);
  });

  it('tells what is nested deeper than 64', () => {
    let value: unknown = [];
    for (let i = 0; i < 64; i++) value = [value];
    assert.doesNotThrow(() => encoded(value));
    assert.match(refusal([value]), /^value at \$(\[0\]){64} is nested deeper than 64 levels$/);
    assert.match(refusal({ key: [value] }), /is nested deeper than 64 levels$/);
  });

  it('tells a getter that throws, and goes on working', () => {
    const value = {
      a: {
        get broken(): unknown {
          throw new Error('no database');
        },
      },
    };
    assert.equal(refusal([value]), 'value at $[0].a.broken could not be read: no database');
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    assert.match(refusal({ proxy }), /^value at \$\.proxy could not be read: /);
    assert.deepEqual(decoded(encoded({ fine: 1 })), { fine: 1 });
  });

  it('tells a getter that throws what has no text', () => {
    const value = {
      get odd(): unknown {
        throw Object.create(null);
      },
    };
    assert.equal(refusal(value), 'value at $.odd could not be read: what was thrown has no text');
  });

  it('tells a getter that throws the first time only', () => {
    let reads = 0;
    const value = {
      get flaky(): number {
        if (reads++ === 0) throw new Error('first');
        return 1;
      },
    };
    assert.equal(refusal(value), 'value at $ could not be encoded: first');
  });

  it('comes to an end when the value has none', () => {
    let endless: unknown = [];
    for (let i = 0; i < 60; i++) endless = [endless, endless];
    let reads = 0;
    const value = {
      get flaky(): number {
        if (reads++ === 0) throw new Error('first');
        return 1;
      },
      endless,
    };
    assert.equal(refusal(value), 'value at $ could not be encoded: first');
  });

  it('names an own key __proto__', () => {
    const value: unknown = JSON.parse('{"a":{"__proto__":{"admin":true}}}');
    assert.equal(refusal(value), 'value at $.a.__proto__ has the key __proto__, which is refused for safety');
  });

  it('names places inside maps, sets and errors', () => {
    const bad = (): void => {};
    assert.match(refusal({ m: new Map([['k', bad]]) }), /^value at \$\.m<value 0> is a function/);
    assert.match(
      refusal(
        new Map<unknown, number>([
          [1, 1],
          [bad, 2],
        ]),
      ),
      /^value at \$<key 1> is a function/,
    );
    assert.match(refusal([new Set([1, bad])]), /^value at \$\[0\]<member 1> is a function/);
    assert.match(refusal({ e: new Error('\ud800') }), /^value at \$\.e\.message is a string with half/);
  });

  it('tells an invalid Date', () => {
    assert.equal(refusal({ at: new Date(Number.NaN) }), 'value at $.at is an invalid Date');
  });

  it('keeps a long path readable', () => {
    assert.ok(refusal({ ['k'.repeat(10_000)]: () => 1 }).length < 500);
  });

  it('finds the one bad value at the end of a large one', () => {
    const rows = Array.from({ length: 5000 }, (_, id) => ({ id, tags: ['a', 'b'] as unknown[] }));
    rows[4999]!.tags[1] = Symbol('s');
    assert.match(refusal({ rows }), /^value at \$\.rows\[4999\]\.tags\[1\] is a symbol/);
  });
});

describe('values of another realm', () => {
  it('are taken like those of this one', () => {
    const foreign: unknown = vm.runInNewContext(
      '({ o: {}, a: [1], d: new Date(5), m: new Map([["k", 1]]), s: new Set(["x"]), b: new Uint8Array([7]), e: new TypeError("t") })',
    );
    const { e, ...rest } = decoded(encoded(foreign)) as { e: Error };
    assert.deepEqual(rest, {
      o: {},
      a: [1],
      d: new Date(5),
      m: new Map([['k', 1]]),
      s: new Set(['x']),
      b: Buffer.from([7]),
    });
    assert.equal(e.name, 'TypeError');
  });

  it('are refused like those of this one', () => {
    assert.match(refusal(vm.runInNewContext('class Row {}; [new Row()]')), /^value at \$\[0\] is an instance of Row/);
  });
});
