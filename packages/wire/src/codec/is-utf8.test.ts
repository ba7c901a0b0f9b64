import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { seededRandom } from '@org/rpc-testkit';
import { isUtf8Text } from './is-utf8.js';

/** Bytes at which the rules of UTF-8 change. */
const EDGES = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee];
EDGES.push(0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);

const agrees = (bytes: Buffer): void => {
  const chunk = Buffer.concat([Buffer.of(0xe2), bytes, Buffer.of(0x80, 0x80)]);
  assert.equal(isUtf8Text(chunk, 1, 1 + bytes.length), isUtf8(bytes), bytes.toString('hex'));
};

describe('the check of UTF-8', () => {
  it('agrees with that of Node.js about every two and three bytes at the edges of the rules', () => {
    agrees(Buffer.alloc(0));
    for (const first of EDGES)
      for (const second of EDGES) {
        agrees(Buffer.of(first, second));
        for (const third of EDGES) agrees(Buffer.of(first, second, third));
      }
  });

  it('agrees with that of Node.js about many short and long texts', () => {
    const random = seededRandom(1);
    for (let i = 0; i < 20_000; i++) {
      const length = Math.floor(random() * (i % 100 === 0 ? 200 : 8));
      agrees(Buffer.from(Array.from({ length }, () => EDGES[Math.floor(random() * EDGES.length)]!)));
    }
    for (const text of ['\ufffd', '\u{1f600}', 'caf\u00e9', '\ufffd'.repeat(100)]) agrees(Buffer.from(text));
  });
});
