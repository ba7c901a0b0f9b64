import assert from 'node:assert/strict';
import { readShortText, SHORT_TEXT_BYTES } from './short-text.js';

describe('readShortText()', () => {
  const bytes = Buffer.from('-the quick brown fox\u0000\u007f');

  it('reads ASCII of every length that is short, wherever it begins', () => {
    for (let length = 0; length <= SHORT_TEXT_BYTES; length++) {
      for (let start = 0; start + length <= bytes.length; start++) {
        assert.equal(readShortText(bytes, start, start + length), bytes.toString('latin1', start, start + length));
      }
    }
  });

  it('leaves what is longer, and what is not ASCII at any place, to others', () => {
    assert.equal(readShortText(bytes, 0, SHORT_TEXT_BYTES + 1), undefined);
    for (let length = 1; length <= SHORT_TEXT_BYTES; length++) {
      for (let at = 0; at < length; at++) {
        const text = Buffer.alloc(length, 0x61);
        text[at] = 0x80;
        assert.equal(readShortText(text, 0, length), undefined);
      }
    }
  });
});
