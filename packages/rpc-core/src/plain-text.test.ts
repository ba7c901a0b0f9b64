import assert from 'node:assert/strict';
import { formatJson, plainText, printable } from './plain-text.js';

/** A command to clear the screen, the same in one C1 code, a mark that reverses text, one that is not seen, half a pair. */
const HOSTILE = 'a\u001b[2Jb\u009b3Jc\u202ed\u200be\u007f\ud800f';

describe('plainText', () => {
  it('leaves nothing in a text that commands a terminal, hides, or breaks its line', () => {
    assert.equal(plainText(`x\r\ny\tz ${HOSTILE}`), 'x y z a\\u001b[2Jb\\u009b3Jc\\u202ed\\u200be\\u007f\\ud800f');
  });

  it('leaves the text of all languages as it is', () => {
    for (const text of ['Grün', '日本語', 'עברית', '👍🏽', '👨\u200d👩\u200d👧', 'می\u200cخواهم'])
      assert.equal(plainText(text), text);
  });
});

describe('printable', () => {
  it('keeps lines and tabs and escapes the rest', () => {
    assert.equal(printable('a\n\tb\r\nc\rd\u0007'), 'a\n\tb\nc\\u000dd\\u0007');
  });
});

describe('formatJson', () => {
  it('is safe to print and reads back as the same', () => {
    const value = { [HOSTILE.slice(0, -2)]: ['\u0085', '\u2066', '\n', '\u0000'] };
    const text = formatJson(value);
    assert.equal(printable(text), text);
    assert.deepEqual(JSON.parse(text), value);
    assert.ok(!formatJson(value, 0).includes('\n'));
  });
});
