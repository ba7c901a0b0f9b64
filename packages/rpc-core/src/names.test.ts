import assert from 'node:assert/strict';
import { assertName, isReservedMethodName, NAME_BYTES_MAX, nearestName, RESERVED_METHOD_NAMES } from './names.js';

describe('assertName', () => {
  it('accepts letters, digits, dots, underscores and hyphens up to the longest name', () => {
    for (const name of ['a', '_', '7', 'calculator.v2', 'by-name', '__x', 'n'.repeat(NAME_BYTES_MAX)]) {
      assertName('name', name);
    }
  });

  const wrong: readonly (readonly [unknown, string])[] = [
    ['', '""'],
    ['.hidden', '".hidden"'],
    ['-x', '"-x"'],
    ['a b', '"a b"'],
    ['a/b', '"a/b"'],
    ['größe', '"größe"'],
    ['a\n', String.raw`"a\n"`],
    ['n'.repeat(NAME_BYTES_MAX + 1), '(201 characters)'],
    [undefined, 'undefined'],
    [5, '5'],
    [['a'], 'an array'],
  ];
  for (const [value, shown] of wrong) {
    it(`refuses ${shown} with the rule and the value in the message`, () => {
      assert.throws(
        () => assertName('defineService: service name', value),
        (error: Error) =>
          error instanceof TypeError &&
          error.message.startsWith('defineService: service name must be 1 to 200 of a-z') &&
          error.message.endsWith(shown),
      );
    });
  }

  it('lets both names of a call fit the one length byte that each has on the wire', () => {
    assert.ok(NAME_BYTES_MAX <= 255);
  });
});

describe('isReservedMethodName', () => {
  it('knows the names of the stub itself and of what await, JSON.stringify and assignment ask for', () => {
    assert.deepEqual([...RESERVED_METHOD_NAMES], ['with', 'then', 'catch', 'finally', 'toJSON', '__proto__']);
    assert.ok(RESERVED_METHOD_NAMES.every(isReservedMethodName));
  });

  it('leaves names alone that every object has', () => {
    assert.deepEqual(['toString', 'constructor', 'valueOf', 'hasOwnProperty'].filter(isReservedMethodName), []);
  });
});

describe('nearestName', () => {
  const options = ['attemptTimeoutMs', 'timeoutMs', 'idleTimeoutMs', 'idempotent', 'priority', 'retry', 'signal'];

  const mistakes: Record<string, string> = {
    timeout: 'timeoutMs',
    timeoutMS: 'timeoutMs',
    'timeout-ms': 'timeoutMs',
    tiemoutMs: 'timeoutMs',
    idempotant: 'idempotent',
    retries: 'retry',
    singal: 'signal',
    Priority: 'priority',
    idle: 'idleTimeoutMs',
  };
  for (const [wrong, right] of Object.entries(mistakes)) {
    it(`finds ${right} for ${wrong}`, () => {
      assert.equal(nearestName(wrong, options), right);
    });
  }

  it('counts a swap of neighbours as one edit', () => {
    assert.equal(nearestName('smu', ['sim1', 'sum', 'xmu1']), 'sum');
    assert.equal(nearestName('ab', ['ba']), undefined);
    assert.equal(nearestName('abc', ['acb']), 'acb');
  });

  it('finds nothing where nothing is near', () => {
    for (const wrong of ['', 'x', 'color', 'maximum', 'id']) assert.equal(nearestName(wrong, options), undefined);
    assert.equal(nearestName('timeout', []), undefined);
  });

  it('gives the first of two that are equally near', () => {
    assert.equal(nearestName('sum', ['sun', 'sub']), 'sun');
  });

  it('does not look at names longer than any name can be', () => {
    const long = 'n'.repeat(NAME_BYTES_MAX + 1);
    assert.equal(nearestName(long, [long]), undefined);
    assert.equal(nearestName('n'.repeat(NAME_BYTES_MAX), [long]), undefined);
  });

  it('compares fewer names when they are long', () => {
    const long = 'x'.repeat(NAME_BYTES_MAX);
    assert.equal(nearestName(long, [...new Array(6).fill('y'.repeat(NAME_BYTES_MAX)), long]), long);
    assert.equal(nearestName(long, [...new Array(7).fill('y'.repeat(NAME_BYTES_MAX)), long]), undefined);
  });

  it('compares 1,000 names and no more, even of an endless list', () => {
    let given = 0;
    function* endless(): Generator<string> {
      for (;;) yield ++given > 1_000 ? 'wanted' : 'other';
    }
    assert.equal(nearestName('wanted', endless()), undefined);
    assert.equal(given, 1_001);
  });
});
