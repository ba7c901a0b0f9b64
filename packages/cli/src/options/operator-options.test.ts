import assert from 'node:assert/strict';
import { parseCommandLine } from './command-line.js';
import { OPERATOR_SPECS, operatorOptions } from './operator-options.js';

describe('what an operator shows to servers', () => {
  it('is the option, else the environment, of which an empty text is nothing', () => {
    const read = (words: readonly string[], environment = {}) =>
      operatorOptions(parseCommandLine(words, OPERATOR_SPECS), environment).operatorToken;
    assert.equal(read(['--operator-token', 'a'], { RPC_OPERATOR_TOKEN: 'b' }), 'a');
    assert.equal(read([], { RPC_OPERATOR_TOKEN: 'b' }), 'b');
    assert.equal(read([], { RPC_OPERATOR_TOKEN: '' }), undefined);
  });
});
