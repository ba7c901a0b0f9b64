import assert from 'node:assert/strict';
import {
  assertBoolean,
  assertKnownOptions,
  assertNumber,
  assertObject,
  type NumberBounds,
  PRIORITY_BOUNDS,
  TIMEOUT_BOUNDS,
} from './check.js';

function refusal(run: () => void): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return error.message;
  }
  return assert.fail('was accepted');
}

describe('assertKnownOptions', () => {
  const known = ['timeoutMs', 'retry'];

  it('accepts known options, none, and those that are undefined', () => {
    assertKnownOptions('createClient', {}, known);
    assertKnownOptions('createClient', { timeoutMs: 5, retry: undefined }, known);
  });

  it('names a misspelt option and the nearest right one', () => {
    const message = refusal(() => assertKnownOptions('createClient', { timeout: 5 }, known));
    assert.equal(message, 'createClient: unknown option "timeout"; did you mean "timeoutMs"?');
  });

  it('lists the known options when none is near', () => {
    const message = refusal(() => assertKnownOptions('createClient', { color: 5 }, known));
    assert.equal(message, 'createClient: unknown option "color"; known are timeoutMs, retry');
  });

  it('refuses an unknown option although its value is undefined', () => {
    refusal(() => assertKnownOptions('createClient', { timeout: undefined }, known));
  });

  it('refuses what is no object of options', () => {
    for (const value of [null, [], 'text', 5, () => {}]) {
      const message = refusal(() => assertKnownOptions('createClient', value as object, known));
      assert.match(message, /^createClient: options must be an object, got /);
    }
  });
});

describe('assertNumber', () => {
  const accepted: readonly (readonly [number, NumberBounds])[] = [
    [1, TIMEOUT_BOUNDS],
    [2 ** 31 - 1, TIMEOUT_BOUNDS],
    [1.5, TIMEOUT_BOUNDS],
    [0, PRIORITY_BOUNDS],
    [255, PRIORITY_BOUNDS],
    [-Number.MAX_VALUE, {}],
    [Number.POSITIVE_INFINITY, { max: Number.POSITIVE_INFINITY }],
  ];
  for (const [value, bounds] of accepted) {
    it(`accepts ${value} within ${JSON.stringify(bounds)}`, () => {
      assertNumber('createClient', 'timeoutMs', value, bounds);
    });
  }

  const refused: readonly (readonly [unknown, NumberBounds, string])[] = [
    [0, TIMEOUT_BOUNDS, 'must be a number from 1 to 2147483647, got 0'],
    [2 ** 31, TIMEOUT_BOUNDS, 'must be a number from 1 to 2147483647, got 2147483648'],
    [Number.NaN, TIMEOUT_BOUNDS, 'must be a number from 1 to 2147483647, got NaN'],
    ['5', TIMEOUT_BOUNDS, 'must be a number from 1 to 2147483647, got "5"'],
    [undefined, TIMEOUT_BOUNDS, 'must be a number from 1 to 2147483647, got undefined'],
    [1n, TIMEOUT_BOUNDS, 'must be a number from 1 to 2147483647, got a bigint'],
    [1.5, PRIORITY_BOUNDS, 'must be an integer from 0 to 255, got 1.5'],
    [256, PRIORITY_BOUNDS, 'must be an integer from 0 to 255, got 256'],
    [-1, { min: 0 }, 'must be a number of at least 0, got -1'],
    [2, { max: 1 }, 'must be a number of at most 1, got 2'],
    [Number.POSITIVE_INFINITY, {}, 'must be a number, got Infinity'],
  ];
  for (const [value, bounds, expected] of refused) {
    it(`says that the value ${expected}`, () => {
      const message = refusal(() => assertNumber('createClient', 'timeoutMs', value, bounds));
      assert.equal(message, `createClient: timeoutMs ${expected}`);
    });
  }
});

describe('assertBoolean', () => {
  it('accepts true and false', () => {
    assertBoolean('method', 'idempotent', true);
    assertBoolean('method', 'idempotent', false);
  });

  it('refuses what only looks true', () => {
    const message = refusal(() => assertBoolean('method', 'idempotent', 'yes'));
    assert.equal(message, 'method: idempotent must be true or false, got "yes"');
  });
});

describe('assertObject', () => {
  it('accepts objects with and without a prototype', () => {
    assertObject('method', 'options', {});
    assertObject('method', 'options', Object.create(null));
  });

  it('refuses null, arrays, functions and primitives, naming what was given', () => {
    assert.equal(
      refusal(() => assertObject('method', 'options', [])),
      'method: options must be an object, got an array',
    );
    for (const value of [null, () => {}, 'text', undefined]) refusal(() => assertObject('method', 'options', value));
  });
});
