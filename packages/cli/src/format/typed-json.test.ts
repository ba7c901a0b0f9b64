import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseTypedJson, toTypedJson } from './typed-json.js';

/** Every kind of value that a call can carry. */
const anyValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constant(undefined),
      fc.constant(null),
      fc.boolean(),
      fc.double(),
      fc.maxSafeInteger(),
      fc.constant(-0),
      fc.bigInt(),
      fc.string({ unit: 'binary' }),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.float64Array(),
      fc.int16Array(),
      fc.uint8Array().map((bytes) => new Uint8Array(bytes).buffer),
    ),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$map', '$date', '$object', '$ref')), tie('value'), {
      noNullPrototype: true,
    }),
    fc.array(fc.tuple(fc.string(), tie('value'))).map((entries) => new Map(entries)),
    fc.array(tie('value')).map((members) => new Set(members)),
  ),
})).value;

describe('typed JSON', () => {
  it('says every value so that it can be read back as it was', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        assert.deepEqual(parseTypedJson(toTypedJson(value), 'here'), value);
      }),
      { numRuns: 500 },
    );
  });

  it('has one form for each', () => {
    const error = new RangeError('too much');
    const said = toTypedJson(
      [
        Number.NaN,
        -0,
        2n ** 64n,
        new Date(0),
        Buffer.from([1, 2, 3]),
        new Map([['a', undefined]]),
        new Set([1]),
        error,
      ],
      0,
    );
    assert.equal(
      said,
      '[{"$number":"NaN"},{"$number":"-0"},{"$bigint":"18446744073709551616"},{"$date":"1970-01-01T00:00:00.000Z"},' +
        '{"$bytes":"AQID"},{"$map":[["a",{"$undefined":true}]]},{"$set":[1]},{"$error":{"name":"RangeError","message":"too much"}}]',
    );
    const back = (parseTypedJson(said, 'here') as unknown[]).at(-1) as Error;
    assert.deepEqual([back.name, back.message], ['RangeError', 'too much']);
  });

  it('leaves an object with a dollar sign alone unless it looks like a form', () => {
    assert.equal(toTypedJson({ $ref: '#/a' }, 0), '{"$ref":"#/a"}');
    assert.deepEqual(parseTypedJson('{"$ref":"#/a"}', 'here'), { $ref: '#/a' });
    assert.equal(toTypedJson({ $date: 'x' }, 0), '{"$object":{"$date":"x"}}');
  });

  it('refuses what would arrive as something else', () => {
    for (const [text, error] of [
      ['{"id":9007199254740993}', /^here: a number cannot hold 9007199254740993 exactly; write \{"\$bigint"/],
      ['[1e999]', /^here: a number cannot hold 1e999 exactly/],
      ['{"$date":"yesterday"}', /^here: "yesterday" does not fit into \$date$/],
      ['[{"$bigint":12}]', /^here: 12 does not fit into \$bigint$/],
      ['{"$map":[[1]]}', /does not fit into \$map$/],
      ['{"$typed":["Float64Array","AQID"]}', /does not fit into \$typed$/],
    ] as const)
      assert.throws(() => parseTypedJson(text, 'here'), { name: 'CliError', message: error });
    assert.deepEqual(parseTypedJson('{"text":"9007199254740993","near":9007199254740991}', 'here'), {
      text: '9007199254740993',
      near: 9007199254740991,
    });
  });
});
