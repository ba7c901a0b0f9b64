import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, type Limits } from '@org/rpc-core';
import fc from 'fast-check';
import { encoded, hex } from '../../test/codec-helpers.js';
import { quickLearner, readsAlike } from '../../test/plain-twin.js';
import { KeyCache } from './key-cache.js';
import { NOT_PLAIN, PlainReader } from './plain-reader.js';

const RUNS = { numRuns: 5_000 };

const isPlain = (value: unknown, limits: Partial<Limits> = {}): boolean =>
  readsAlike(encoded(value), { ...DEFAULT_LIMITS, ...limits });
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

describe('PlainReader', () => {
  it('reads what small calls are made of', () => {
    const order = {
      id: 7,
      name: 'caf\u00e9',
      tags: ['a', 'b'],
      price: 1.5,
      paid: true,
      note: null,
      at: { x: -1, y: [] },
      o: {},
    };
    for (const value of [
      order,
      [order, order],
      'text',
      '',
      'x'.repeat(300),
      'y'.repeat(10_000),
      [],
      {},
      null,
      false,
      0.1,
      -0,
    ])
      assert.ok(isPlain(value), JSON.stringify(value));
  });

  it('reads numbers of every width, as the decoder does', () => {
    const edges = [
      0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
    ];
    for (const edge of edges) assert.ok(isPlain(edge), String(edge));
    for (const edge of [1, 0x20, 0x21, 0x80, 0x81, 0x8000, 0x8001, 0x8000_0000])
      assert.ok(isPlain(-edge), String(-edge));
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.MIN_VALUE, -1e300]) assert.ok(isPlain(number));
    assert.ok(readsAlike(hex('ca 3f 80 00 01'), DEFAULT_LIMITS));
  });

  it('leaves to the decoder what it does not know', () => {
    for (const value of [
      2 ** 40,
      5n,
      Buffer.from('x'),
      new Date(0),
      new Map(),
      undefined,
      '\uFFFD',
      { '7': 1 },
      { ['k'.repeat(32)]: 1 },
    ])
      assert.ok(!isPlain([value]));
    for (const bytes of [
      '',
      'c1',
      '81 a9 5f 5f 70 72 6f 74 6f 5f 5f 01',
      'a1 ff',
      '81 01 01',
      'c0 c0',
      '92 01',
      'da 00',
      'cb 00',
    ])
      assert.ok(!readsAlike(hex(bytes), DEFAULT_LIMITS), bytes);
  });

  it('leaves to the decoder what is beyond a bound', () => {
    assert.ok(isPlain(nested(4), { messageDepth: 4 }));
    assert.ok(!isPlain(nested(5), { messageDepth: 4 }));
    assert.ok(!isPlain(nested(17)));
    assert.ok(isPlain([1, { a: 2 }], { messageElements: 4 }));
    assert.ok(!isPlain([1, { a: 2 }], { messageElements: 3 }));
    assert.ok(!isPlain('x'.repeat(16_384)));
    assert.ok(!readsAlike(hex('dc ff ff 01 01'), DEFAULT_LIMITS));
  });

  it('does not look at the next few messages after one that was not plain', () => {
    const reader = new PlainReader({ keys: new KeyCache(), elementsMax: 10, depthMax: 10 });
    const read = (text: string): unknown => {
      const bytes = hex(text);
      return reader.read(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    };
    assert.equal(read('01'), 1);
    assert.equal(read('c1'), NOT_PLAIN);
    const after = Array.from({ length: 20 }, () => read('01'));
    assert.deepEqual(after.slice(0, 8).concat(after.at(-1)), [...new Array<unknown>(8).fill(NOT_PLAIN), 1]);
  });

  const key = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 40 }));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double(),
      fc.string({ maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(tie('value'), { maxLength: 17 }),
      fc.dictionary(
        key.filter((name) => name !== '__proto__'),
        tie('value'),
        { maxKeys: 17, noNullPrototype: true },
      ),
    ),
  }));
  const limits = fc.record({
    messageDepth: fc.integer({ min: 1, max: 20 }),
    messageElements: fc.integer({ min: 1, max: 60 }),
  });

  it('reads no value otherwise than the decoder does, also within tight bounds and with keys of messages before', () => {
    const remembered = quickLearner();
    let plain = 0;
    fc.assert(
      fc.property(value, limits, (each, tight) => {
        const bytes = encoded(each);
        if (readsAlike(bytes, DEFAULT_LIMITS, remembered)) plain++;
        readsAlike(bytes, { ...DEFAULT_LIMITS, ...tight }, remembered);
      }),
      RUNS,
    );
    assert.ok(plain > RUNS.numRuns / 4, `${plain} of ${RUNS.numRuns} were plain`);
  });

  it('reads no value out of bytes that are cut, changed or made up that the decoder does not read', () => {
    const remembered = quickLearner();
    const change = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.nat(3) });
    fc.assert(
      fc.property(
        fc.oneof(
          value.map((each) => encoded(each)),
          fc.uint8Array({ maxLength: 60 }),
        ),
        change,
        (made, { at, to, cut }) => {
          const bytes = Buffer.from(made.subarray(0, Math.max(0, made.length - cut)));
          if (bytes.length > 0) bytes[at % bytes.length] = to;
          readsAlike(bytes, DEFAULT_LIMITS, remembered);
        },
      ),
      RUNS,
    );
  });

  /** Maps of few keys, so that those of one run are like each other, or nearly. */
  const name = fc.constantFrom(
    '',
    'a',
    'ab',
    'abc',
    'abd',
    'abcd',
    'abcdefg',
    'abcdefh',
    'é',
    'constructor',
    'toString',
  );
  const { similar } = fc.letrec<{ similar: unknown }>((tie) => ({
    similar: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, true, 1, -1, 300, 0.5, 'text'),
      fc.array(fc.tuple(name, tie('similar')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));

  it('reads maps of shapes that change from message to message as the decoder does', () => {
    let plain = 0;
    let all = 0;
    fc.assert(
      fc.property(fc.array(similar, { minLength: 2, maxLength: 12 }), (values) => {
        const remembered = quickLearner();
        for (const each of [...values, ...values]) {
          all++;
          if (readsAlike(encoded(each), DEFAULT_LIMITS, remembered)) plain++;
        }
      }),
      { numRuns: 1_000 },
    );
    assert.equal(plain, all);
  });

  it('reads what is no longer as it was learned as the decoder does, at every byte', () => {
    const remembered = quickLearner();
    const value = { id: 1, a: 'x', abcdefg: [{ ab: 1, abc: null }], '': true, abcd: { a: 1 } };
    const bytes = encoded(value);
    const refresh = (): void => assert.ok(readsAlike(bytes, DEFAULT_LIMITS, remembered));
    for (let at = 0; at < bytes.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        readsAlike(changed, DEFAULT_LIMITS, remembered);
      }
      readsAlike(bytes.subarray(0, at), DEFAULT_LIMITS, remembered);
      refresh();
    }
  });

  it('reads nothing behind the memory of a message, also where it is cut in a known key', () => {
    const remembered = quickLearner();
    const read = (bytes: Buffer): unknown => {
      const reader = new PlainReader({ ...remembered, elementsMax: 10, depthMax: 10 });
      return reader.read(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    };
    for (const value of [{ a: 1 }, { ab: 1 }, { '': 1 }, { a: 1, abcdefg: 1 }]) {
      const bytes = encoded(value);
      for (let i = 0; i < 3; i++) assert.deepEqual(read(bytes), value);
      for (let end = 0; end < bytes.length; end++) assert.equal(read(bytes.subarray(0, end)), NOT_PLAIN);
    }
  });

  it('takes nothing within a value of a known key for more entries', () => {
    const remembered = quickLearner();
    assert.ok(readsAlike(encoded({ id: 1 }), DEFAULT_LIMITS, remembered));
    // An integer of 64 bits, whose bytes are those of two entries.
    assert.ok(!readsAlike(hex('81 a2 6964 cf a3 616263 01 a1 61 01'), DEFAULT_LIMITS, remembered));
  });
});
