import assert from 'node:assert/strict';
import { allocateChunk } from '../codec/codec.js';
import { FrameType, PREFACE } from '../frames/frame.js';
import { writeHello } from '../frames/hello.js';
import { addresseeOf } from './addressee.js';

/** What a client sends first that means this instance. */
function greeting(expect: string): Buffer {
  const target = { chunk: allocateChunk(8), position: 0 };
  const rest = { version: 1, instance: '', codec: 'msgpack', messageBytes: 4_096, callsInFlight: 10, uptimeMs: 5 };
  writeHello(target, { ...rest, expect });
  const body = Buffer.from(target.chunk.bytes.subarray(0, target.position));
  const header = Buffer.alloc(10);
  header.writeUInt32BE(body.length, 0);
  header[4] = FrameType.HELLO;
  return Buffer.concat([PREFACE, header, body]);
}

describe('whom a client means by its first bytes', () => {
  it('is the instance of its greeting, whatever comes after it', () => {
    assert.equal(addresseeOf(greeting('abc')), 'abc');
    assert.equal(addresseeOf(Buffer.concat([greeting('abc'), Buffer.alloc(99)])), 'abc');
    assert.equal(addresseeOf(greeting('')), '');
  });

  it('is not known before the whole greeting is there', () => {
    const bytes = greeting('abc');
    for (let end = 0; end < bytes.length; end++) assert.equal(addresseeOf(bytes.subarray(0, end)), undefined, `${end}`);
  });

  it('is anybody for another protocol, and for what cannot be read', () => {
    assert.equal(addresseeOf(Buffer.from([0x94, 0x00])), '');
    const bytes = greeting('abc');
    const another = Buffer.from(bytes);
    another[9] = FrameType.REQUEST;
    assert.equal(addresseeOf(another), '');
    const broken = Buffer.from(bytes);
    broken[15] = 0xc1;
    assert.equal(addresseeOf(broken), '');
    const long = Buffer.from(bytes);
    long.writeUInt32BE(1_000_000, 5);
    assert.equal(addresseeOf(long), '');
  });
});
