import assert from 'node:assert/strict';
import { describeValue } from './describe-value.js';

describe('describeValue', () => {
  it('quotes text', () => {
    assert.equal(describeValue('a "b"\n'), String.raw`"a \"b\"\n"`);
  });

  it('cuts long text and tells its length', () => {
    assert.equal(describeValue('x'.repeat(1_000_000)), `"${'x'.repeat(60)}"... (1000000 characters)`);
  });

  it('tells only the kind of an object, never its content', () => {
    const secret = { password: 'x', toString: () => assert.fail('was asked for its text') };
    assert.equal(describeValue(secret), 'an object');
    assert.equal(describeValue([secret]), 'an array');
    assert.equal(
      describeValue(() => secret),
      'a function',
    );
    assert.equal(describeValue(null), 'null');
  });

  it('shows numbers, booleans, symbols and undefined as they are written', () => {
    assert.deepEqual([Number.NaN, -0, true, undefined, Symbol('s')].map(describeValue), [
      'NaN',
      '0',
      'true',
      'undefined',
      'Symbol(s)',
    ]);
    assert.equal(describeValue(2n ** 100_000n), 'a bigint');
  });

  it('escapes what commands a terminal or turns a line around', () => {
    assert.equal(describeValue('a\u001b[2Jb\u009bc\u202ed\u2066'), '"a\\u001b[2Jb\\u009bc\\u202ed\\u2066"');
  });
});
