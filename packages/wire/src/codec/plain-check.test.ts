import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { encoded, hex } from '../../test/codec-helpers.js';
import { PlainCheck } from './plain-check.js';

const check = new PlainCheck(DEFAULT_LIMITS);
const isPlain = (bytes: Buffer, within = check): boolean => {
  const chunk = Buffer.concat([hex('01 02'), bytes, Buffer.alloc(64, 7)]);
  return within.isPlain(chunk, 2, 2 + bytes.length);
};

describe('the check for plain messages', () => {
  it('accepts all that JSON can say, and binaries, in every form of header', () => {
    for (const text of ['00', 'e0', 'c0', 'c2', 'c3', 'a0', '90', '80', '91 c0', '81 a0 c0', 'cc 01', 'cd 00 01'])
      assert.ok(isPlain(hex(text)), text);
    for (const text of ['ce 00 00 00 01', 'd0 01', 'd1 00 01', 'd2 00 00 00 01', 'd9 01 61', 'da 00 01 61', 'c4 01 61'])
      assert.ok(isPlain(hex(text)), text);
    for (const text of ['db 00 00 00 01 61', 'c5 00 01 61', 'c6 00 00 00 01 61', 'dc 00 01 c0', 'dd 00 00 00 01 c0'])
      assert.ok(isPlain(hex(text)), text);
    for (const text of ['de 00 01 a0 c0', 'df 00 00 00 01 a0 c0', '81 d9 01 61 c0', 'ca 00 00 00 00'])
      assert.ok(isPlain(hex(text)), text);
    for (const value of ['\u{1f642}', '\u{1f642}'.repeat(50), 'x'.repeat(100), 1.5]) assert.ok(isPlain(encoded(value)));
  });

  it('accepts integers of 64 bits up to where a number still holds every one', () => {
    assert.ok(isPlain(hex('cf 00 1f ff ff ff ff ff ff')));
    assert.ok(isPlain(hex('d3 00 1f ff ff ff ff ff ff')));
    assert.ok(isPlain(hex('d3 ff e0 00 01 00 00 00 00')));
    for (const text of ['cf 00 20 00 00 00 00 00 00', 'cf ff ff ff ff ff ff ff ff', 'd3 00 20 00 00 00 00 00 00'])
      assert.ok(!isPlain(hex(text)), text);
    for (const text of ['d3 ff e0 00 00 00 00 00 00', 'd3 80 00 00 00 00 00 00 00'])
      assert.ok(!isPlain(hex(text)), text);
  });

  it('leaves to others: extensions, keys that are no strings, __proto__, a byte order mark', () => {
    for (const text of ['d4 00 00', 'c7 00 05', 'd6 ff 00 00 00 01', '81 01 01', '81 c4 01 61 01', 'c1'])
      assert.ok(!isPlain(hex(text)), text);
    assert.ok(!isPlain(Buffer.concat([hex('81 a9'), Buffer.from('__proto__'), hex('01')])));
    assert.ok(!isPlain(Buffer.concat([hex('81 d9 09'), Buffer.from('__proto__'), hex('01')])));
    assert.ok(isPlain(Buffer.concat([hex('81 a9'), Buffer.from('__proto_b'), hex('01')])));
    assert.ok(!isPlain(encoded(`\ufeff${'x'.repeat(100)}`)));
  });

  it('leaves to others maps with keys that are indices', () => {
    for (const key of ['0', '7', '1023', '4294967294']) {
      const text = Buffer.from(key);
      assert.ok(!isPlain(Buffer.concat([Buffer.of(0x81, 0xa0 | text.length), text, hex('01')])), key);
      assert.ok(!isPlain(Buffer.concat([Buffer.of(0x81, 0xd9, text.length), text, hex('01')])), key);
    }
    for (const key of ['', '01', '4294967295', '1a', 'a1', '-1']) assert.ok(isPlain(encoded({ [key]: '1023' })), key);
  });

  it('leaves to others what is malformed, cut off or followed by more', () => {
    for (const text of ['', 'a1', 'a1 ff', '92 01', '81 a1 61', 'd9', 'da 00', 'cb 00', 'cf 00', 'c4 02 01', '01 01'])
      assert.ok(!isPlain(hex(text)), text);
    for (const text of [
      'dd ff ff ff ff',
      'df ff ff ff ff',
      'c6 ff ff ff ff',
      'db ff ff ff ff',
      'dc ff ff '.repeat(100),
    ])
      assert.ok(!isPlain(hex(text)), text);
  });

  it('leaves to others what is out of bounds', () => {
    assert.ok(isPlain(hex(`${'91'.repeat(64)} 90`)));
    assert.ok(!isPlain(hex(`${'91'.repeat(65)} 00`)));
    const tight = new PlainCheck({ messageDepth: 2, messageElements: 4 });
    assert.ok(isPlain(hex('82 a0 01 a1 61 01'), tight));
    assert.ok(!isPlain(hex('92 92 01 01 91 01'), tight));
  });

  it('counts elements and numbers of the message, a binary as four more', () => {
    isPlain(encoded([1, 'a', null, { a: Buffer.alloc(1), b: [1.5] }]));
    assert.deepEqual([check.elements, check.scalars], [9 + 4, 3]);
    isPlain(encoded([]));
    assert.deepEqual([check.elements, check.scalars], [0, 0]);
  });
});
