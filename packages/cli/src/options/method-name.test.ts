import assert from 'node:assert/strict';
import { parseMethodCall } from './method-name.js';

describe('parseMethodCall', () => {
  it('takes what follows the last dot for the method', () => {
    const { service, method } = parseMethodCall(['calculator.v2.sum']);
    assert.deepEqual({ service, method }, { service: 'calculator.v2', method: 'sum' });
  });

  it('reads arguments as JSON where they are, else as strings', () => {
    const { args } = parseMethodCall(['a.b', '1', '-2.5', 'true', '{"k":[1]}', 'hello', '"1"', '{oops', '']);
    assert.deepEqual(args, [1, -2.5, true, { k: [1] }, 'hello', '1', '{oops', '']);
  });

  it('says how to name a method when there is none', () => {
    assert.throws(() => parseMethodCall([]), /^CliError: which method\? Name it as service\.method/);
    for (const name of ['sum', '.sum', 'calculator.']) {
      assert.throws(() => parseMethodCall([name]), /is not a method; name it as service\.method/);
    }
  });
});
