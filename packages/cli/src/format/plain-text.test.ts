import assert from 'node:assert/strict';
import { plainText } from './plain-text.js';

describe('plainText', () => {
  it('leaves nothing in a text that commands a terminal or breaks its line', () => {
    assert.equal(plainText('a\r\nb\u001b[2Jc\u009b3Jd\u007f'), 'a b [2Jc 3Jd ');
  });
});
