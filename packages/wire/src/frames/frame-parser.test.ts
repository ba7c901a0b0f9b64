import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import fc from 'fast-check';
import { encoded, hex } from '../../test/codec-helpers.js';
import { requestFrame } from '../../test/raw-peer.js';
import { CodecError } from '../codec/codec.js';
import { msgpack } from '../codec/msgpack.js';
import { HEADER_BYTES, ProtocolError, ReplyFlag } from './frame.js';
import { createParsedRequest, parseError, parseGoAway, parseReplyHead, parseRequest } from './frame-parser.js';

const decode = msgpack().createDecoder(DEFAULT_LIMITS);
const METADATA = hex('01 0002 61 7877');

/** Puts a body between other bytes, which nobody may read. */
function inside<T>(body: Buffer, read: (bytes: Buffer, start: number, end: number) => T): T {
  return read(Buffer.concat([hex('ffffffff'), body, Buffer.alloc(300, 0xff)]), 4, 4 + body.length);
}

const parse = (body: Buffer) =>
  inside(body, (bytes, start, end) => {
    const parsed = createParsedRequest();
    parseRequest(parsed, bytes, start, end);
    const name = bytes.latin1Slice(parsed.nameStart, parsed.metadataStart);
    return { ...parsed, name, payload: Buffer.from(bytes.subarray(parsed.payloadStart, end)) };
  });
const readError = (body: Buffer, flags = 0) =>
  inside(body, (bytes, start, end) => parseError(flags, bytes, start, end, decode, DEFAULT_LIMITS));
const readHead = (body: Buffer, flags: number) =>
  inside(body, (bytes, start, end) => {
    const { payloadStart, metadata } = parseReplyHead(flags, bytes, start, end, DEFAULT_LIMITS);
    return { payload: Buffer.from(bytes.subarray(payloadStart, end)), metadata: metadata && { ...metadata } };
  });
const isProtocolError = (error: unknown): boolean => error instanceof ProtocolError && /cut short/.test(error.message);

describe('parseRequest', () => {
  it('reads the head of a request and finds its sections', () => {
    const body = requestFrame(1, [5], { remainingMs: 2 ** 32 - 1, metadata: METADATA }).subarray(HEADER_BYTES);
    const parsed = parse(body);
    assert.equal(parsed.remainingMs, 2 ** 32 - 1);
    assert.deepEqual([parsed.attempt, parsed.priority, parsed.name, parsed.serviceLength], [0, 128, 'testecho', 4]);
    assert.equal(parsed.payloadStart - parsed.metadataStart, METADATA.length);
    assert.deepEqual(parsed.payload, hex('91 05'));
  });

  it('refuses a head that is cut at any byte, and lengths that point beyond the frame', () => {
    const body = requestFrame(1, [], { metadata: METADATA, payload: Buffer.alloc(0) }).subarray(HEADER_BYTES);
    for (let end = 0; end < body.length; end++) assert.throws(() => parse(body.subarray(0, end)), isProtocolError);
    assert.equal(parse(body).payload.length, 0);
    for (const [at, value] of [
      [6, 0xff],
      [8, 0xff],
      [9, 0xff],
    ] as const) {
      const lying = Buffer.from(body);
      lying[at] = value;
      assert.throws(() => parse(lying), isProtocolError);
    }
  });

  it('takes names as bytes: no text is the same as another', () => {
    const names = ['caf\u00e9', 'cafe', 'CAFE', 'ca\0fe'].map((service) => {
      const fixed = Buffer.concat([Buffer.alloc(8), Buffer.from([service.length, 0]), Buffer.from(service, 'latin1')]);
      return parse(fixed).name;
    });
    assert.equal(new Set(names).size, 4);
  });
});

describe('parseReplyHead', () => {
  it('skips load and reads metadata, in that order', () => {
    const payload = hex('05');
    const section = Buffer.concat([hex('0006'), METADATA]);
    const load = hex('00010002');
    assert.deepEqual(readHead(payload, 0), { payload, metadata: undefined });
    assert.deepEqual(readHead(Buffer.concat([load, payload]), ReplyFlag.LOAD), { payload, metadata: undefined });
    assert.deepEqual(readHead(Buffer.concat([section, payload]), ReplyFlag.METADATA), {
      payload,
      metadata: { a: 'xw' },
    });
    assert.deepEqual(readHead(Buffer.concat([load, section, payload]), ReplyFlag.LOAD | ReplyFlag.METADATA), {
      payload,
      metadata: { a: 'xw' },
    });
  });

  it('ignores flags that it does not know', () => {
    assert.deepEqual(readHead(hex('05'), 0xfc), { payload: hex('05'), metadata: undefined });
  });

  it('refuses what is cut at any byte', () => {
    const whole = Buffer.concat([hex('00010002 0006'), METADATA]);
    const flags = ReplyFlag.LOAD | ReplyFlag.METADATA;
    for (let end = 0; end < whole.length; end++)
      assert.throws(() => readHead(whole.subarray(0, end), flags), isProtocolError);
    for (let end = 0; end < 4; end++)
      assert.throws(() => readHead(whole.subarray(0, end), ReplyFlag.LOAD), isProtocolError);
  });
});

describe('parseError', () => {
  const whole = Buffer.concat([hex('05 01 00000064 0003 6e6f21'), encoded({ id: 1 })]);

  it('reads code, progress, wait, reason and details', () => {
    const { error, metadata } = readError(whole);
    assert.deepEqual(
      [error.code, error.reason, error.progress, error.retryAfterMs, error.details],
      ['NOT_FOUND', 'no!', 'processed', 100, { id: 1 }],
    );
    assert.equal(metadata, undefined);
  });

  it('tells a refusal from an answer of the handler, and no wait from one', () => {
    const { error } = readError(hex('0e 00 ffffffff 0000'));
    assert.deepEqual([error.code, error.progress, error.retryAfterMs], ['UNAVAILABLE', 'refused', undefined]);
    assert.equal(error.details, undefined);
  });

  it('gives UNKNOWN for codes that it does not know', () => {
    for (const code of ['00', '11', 'ff'])
      assert.equal(readError(hex(`${code} 01 00000000 0000`)).error.code, 'UNKNOWN');
  });

  it('reads metadata in front, as of a RESPONSE', () => {
    const body = Buffer.concat([hex('0006'), METADATA, hex('05 01 ffffffff 0002'), Buffer.from('no')]);
    const { error, metadata } = readError(body, ReplyFlag.METADATA);
    assert.deepEqual([error.reason, { ...metadata }], ['no', { a: 'xw' }]);
  });

  it('refuses what is cut at any byte', () => {
    for (let end = 0; end < 11; end++) assert.throws(() => readError(whole.subarray(0, end)), isProtocolError);
    for (let end = 12; end < whole.length; end++)
      assert.throws(
        () => readError(whole.subarray(0, end)),
        (error) => error instanceof CodecError,
      );
  });
});

describe('parseGoAway', () => {
  const read = (body: Buffer) => inside(body, parseGoAway);

  it('reads code and reason, and takes an empty one for the end of a server', () => {
    assert.deepEqual(read(Buffer.from('\x02why')), { code: 2, reason: 'why' });
    assert.deepEqual(read(hex('03')), { code: 3, reason: '' });
    assert.deepEqual(read(Buffer.alloc(0)), { code: 0, reason: '' });
  });

  it('cuts a long reason', () => {
    assert.equal(read(Buffer.alloc(5_000, 'x')).reason.length, 900);
  });
});

describe('the parsers, whatever comes', () => {
  it('throw nothing but a ProtocolError or a CodecError', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(255), (bytes, flags) => {
      for (const read of [parse, (body: Buffer) => readHead(body, flags), (body: Buffer) => readError(body, flags)]) {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof ProtocolError || error instanceof CodecError, String(error));
        }
      }
    });
    fc.assert(property, { numRuns: 1_000, seed: 6 });
  });
});
