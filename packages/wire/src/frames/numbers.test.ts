import assert from 'node:assert/strict';
import { readUint16, readUint32 } from './numbers.js';

describe('numbers on the wire', () => {
  it('are big-endian and unsigned', () => {
    const bytes = Buffer.from('00ffffffff01020304', 'hex');
    assert.equal(readUint32(bytes, 1), 0xffff_ffff);
    assert.equal(readUint32(bytes, 5), 0x0102_0304);
    assert.equal(readUint16(bytes, 3), 0xffff);
    assert.equal(readUint16(bytes, 5), 0x0102);
  });
});
