import assert from 'node:assert/strict';
import { PREFACE } from './frame.js';
import { PrefaceReader } from './preface.js';

describe('the preface', () => {
  it('is found at the start of a chunk, and what follows it', () => {
    const reader = new PrefaceReader(true);
    assert.equal(reader.isDone, false);
    assert.equal(reader.read(Buffer.concat([PREFACE, Buffer.from('frames')])), PREFACE.length);
    assert.equal(reader.isDone, true);
  });

  it('is found in single bytes', () => {
    const reader = new PrefaceReader(true);
    for (const byte of PREFACE) {
      assert.equal(reader.isDone, false);
      assert.equal(reader.read(Buffer.from([byte])), 1);
    }
    assert.equal(reader.isDone, true);
  });

  it('is not expected from a server', () => assert.equal(new PrefaceReader(false).isDone, true));

  it('is of another protocol when its first byte is', () => {
    assert.deepEqual(new PrefaceReader(true).read(Buffer.from('GET /')), { foreign: true, reason: '' });
  });

  it('is wrong, and not foreign, when a later byte differs, also in another chunk', () => {
    const reason = 'the preface is not that of @org/rpc';
    for (let at = 1; at < 4; at++) {
      const bytes = Buffer.from(PREFACE);
      bytes[at] = 0x20;
      assert.deepEqual(new PrefaceReader(true).read(bytes), { foreign: false, reason });
      const reader = new PrefaceReader(true);
      reader.read(bytes.subarray(0, at));
      assert.deepEqual(reader.read(bytes.subarray(at)), { foreign: false, reason });
    }
  });

  it('names the version that is not spoken, and the one that is', () => {
    const bytes = Buffer.from(PREFACE);
    bytes[4] = 9;
    const reason = 'protocol version 9 is not spoken here, only 1';
    assert.deepEqual(new PrefaceReader(true).read(bytes), { foreign: false, reason });
  });
});
