import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { rpcError, wireName } from '@org/rpc-core/internal';
import { encoded, hex } from '../../test/codec-helpers.js';
import { allocateChunk } from '../codec/codec.js';
import { msgpack } from '../codec/msgpack.js';
import { FrameType } from './frame.js';
import {
  type FrameTarget,
  type RequestHead,
  writeCancel,
  writeError,
  writeGoAway,
  writePing,
  writeRequest,
  writeResponse,
} from './frame-writer.js';

/** A target that starts small, with something before and after what is written. */
class Target implements FrameTarget {
  chunk = allocateChunk(16);
  position = 3;

  constructor() {
    this.chunk.bytes.fill(0xee);
  }

  reserve(bytes: number): number {
    const larger = allocateChunk(this.position + bytes + 8);
    larger.bytes.fill(0xee);
    this.chunk.bytes.copy(larger.bytes, 0, 0, this.position);
    this.chunk = larger;
    return this.position;
  }

  /** What was written. */
  get written(): Buffer {
    assert.deepEqual(this.chunk.bytes.subarray(0, 3), hex('eeeeee'));
    return Buffer.from(this.chunk.bytes.subarray(3, this.position));
  }
}

const CODEC = msgpack();
const HEAD: RequestHead = {
  id: 0x0102_0304,
  flags: 2,
  remainingMs: 1_500,
  attempt: 1,
  priority: 128,
  wireName: wireName('shop', 'buy'),
  metadata: undefined,
};
const write = (run: (target: Target) => void): Buffer => {
  const target = new Target();
  run(target);
  return target.written;
};
const error = (code: 'NOT_FOUND', reason: string, options = {}): RpcError => new RpcError(code, reason, options);
const errorFrame = (thrown: RpcError, ran = true, max = 1_000_000): Buffer =>
  write((target) => writeError(target, CODEC, 7, thrown, ran, max));

describe('a frame as it is written', () => {
  it('REQUEST: fixed part, names, arguments', () => {
    const bytes = write((target) => writeRequest(target, CODEC, HEAD, [1, 'x']));
    assert.deepEqual(bytes, hex('00000015 02 02 01020304  000005dc 01 80 0000  04 03 73686f70 627579  92 01 a178'));
  });

  it('REQUEST: metadata before the arguments, its length in the fixed part', () => {
    const bytes = write((target) => writeRequest(target, CODEC, { ...HEAD, metadata: hex('aabbcc') }, []));
    assert.deepEqual(bytes, hex('00000015 02 02 01020304  000005dc 01 80 0003  04 03 73686f70 627579  aabbcc 90'));
  });

  it('REQUEST: as its head was, whatever arguments do to that when they are read', () => {
    const head = { ...HEAD };
    const argument = {
      get a() {
        Object.assign(head, { id: 9, flags: 0xff, attempt: 9 });
        return 1;
      },
    };
    const bytes = write((target) => writeRequest(target, CODEC, head, [argument]));
    assert.deepEqual(bytes, hex('00000016 02 02 01020304  000005dc 01 80 0000  04 03 73686f70 627579  91 81 a161 01'));
  });

  it('RESPONSE: a value, nothing for undefined, metadata before it', () => {
    assert.deepEqual(
      write((target) => writeResponse(target, CODEC, 7, 5, undefined)),
      hex('00000001 03 00 00000007 05'),
    );
    assert.deepEqual(
      write((target) => writeResponse(target, CODEC, 7, undefined, undefined)),
      hex('00000000 03 00 00000007'),
    );
    assert.deepEqual(
      write((target) => writeResponse(target, CODEC, 7, null, hex('aabb'))),
      hex('00000005 03 01 00000007 0002 aabb c0'),
    );
  });

  it('ERROR: code, whether the handler ran, retry after, reason, details', () => {
    const options = { retryAfterMs: 2.5, details: { a: 1 } };
    assert.deepEqual(
      errorFrame(error('NOT_FOUND', 'no ü', options)),
      hex('00000011 04 00 00000007  05 01 00000003 0005 6e6f20c3bc 81 a161 01'),
    );
    assert.deepEqual(errorFrame(error('NOT_FOUND', ''), false), hex('00000008 04 00 00000007  05 00 ffffffff 0000'));
  });

  it('ERROR: a wait beyond what the field can say is the longest that it can', () => {
    const waits = [-5, 2 ** 40].map((retryAfterMs) => errorFrame(error('NOT_FOUND', '', { retryAfterMs })));
    assert.deepEqual(
      waits.map((bytes) => bytes.readUInt32BE(12)),
      [0, 0xffff_fffe],
    );
  });

  it('CANCEL, PING, PONG and GOAWAY', () => {
    assert.deepEqual(
      write((target) => writeCancel(target, 9, 1)),
      hex('00000001 05 00 00000009 01'),
    );
    for (const type of [FrameType.PING, FrameType.PONG] as const) {
      assert.deepEqual(
        write((target) => writePing(target, type, hex('0102030405060708'))),
        hex(`00000008 0${type} 00 00000000 0102030405060708`),
      );
    }
    assert.deepEqual(
      write((target) => writeGoAway(target, 2, 'hé')),
      hex('00000004 08 00 00000000 02 68c3a9'),
    );
  });
});

describe('a frame that cannot be written as it is meant', () => {
  it('REQUEST and RESPONSE leave nothing behind when their value cannot be encoded', () => {
    const target = new Target();
    writeCancel(target, 1, 1);
    const before = target.written;
    const large = 'x'.repeat(1_000);
    assert.throws(() => writeRequest(target, CODEC, HEAD, [large, Symbol('no')]), { name: 'CodecError' });
    assert.throws(() => writeResponse(target, CODEC, 7, [large, () => {}], hex('aabb')), { name: 'CodecError' });
    assert.deepEqual(target.written, before);
  });

  it('ERROR leaves out details that cannot be encoded', () => {
    assert.deepEqual(
      errorFrame(error('NOT_FOUND', 'no', { details: ['x'.repeat(1_000), Symbol('no')] })),
      errorFrame(error('NOT_FOUND', 'no')),
    );
  });

  it('ERROR leaves out details that are more than the peer takes, to the byte', () => {
    const thrown = error('NOT_FOUND', 'no', { details: 'x'.repeat(1_000) });
    const whole = 8 + 2 + encoded('x'.repeat(1_000)).length;
    assert.equal(errorFrame(thrown, true, whole).length, 10 + whole);
    assert.deepEqual(errorFrame(thrown, true, whole - 1), errorFrame(error('NOT_FOUND', 'no')));
  });

  it('ERROR and GOAWAY cut a long reason, never inside of a character', () => {
    const reason = `a${'€'.repeat(5_000)}`;
    const thrown = rpcError('INTERNAL', reason);
    for (const [max, expected] of [
      [1_000_000, 4_096],
      [1_024, 1_016],
    ] as const) {
      const bytes = errorFrame(thrown, true, max);
      const text = bytes.toString('utf8', 18);
      assert.ok(bytes.readUInt16BE(16) === Buffer.byteLength(text) && Buffer.byteLength(text) <= expected);
      assert.ok(Buffer.byteLength(text) > expected - 3 && reason.startsWith(text));
    }
    const goAway = write((target) => writeGoAway(target, 1, reason)).toString('utf8', 11);
    assert.ok(Buffer.byteLength(goAway) > 897 && Buffer.byteLength(goAway) <= 900 && reason.startsWith(goAway));
  });
});
