import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProtocolError } from './frame.js';
import { decodeMetadata, encodeMetadata, NO_METADATA } from './metadata.js';

const LIMITS = { metadataBytes: 400, metadataKeys: 4 };

/** One pair as it stands on the wire; the lengths may lie. */
function pair(
  key: string,
  value: string | Buffer,
  keyBytes = key.length,
  valueBytes = Buffer.byteLength(value),
): Buffer {
  const lengths = Buffer.from([keyBytes, valueBytes >> 8, valueBytes & 255]);
  return Buffer.concat([lengths, Buffer.from(key, 'latin1'), Buffer.from(value as string)]);
}

const decode = (bytes: Buffer) =>
  decodeMetadata(Buffer.concat([Buffer.from('xx'), bytes, Buffer.from('yyyy')]), 2, 2 + bytes.length, LIMITS);
const refusesToDecode = (bytes: Buffer, message: RegExp): void =>
  assert.throws(
    () => decode(bytes),
    (error) => error instanceof ProtocolError && message.test(error.message),
  );
const refusesToEncode = (metadata: object, message: RegExp): void =>
  assert.throws(() => encodeMetadata(metadata as Record<string, string>, LIMITS), { name: 'TypeError', message });

describe('encodeMetadata', () => {
  it('writes pairs one after another: length of the key, of the value, both', () => {
    assert.deepEqual(
      encodeMetadata({ 'trace-id': 'abc', zone: 'ü' }, LIMITS),
      Buffer.concat([pair('trace-id', 'abc'), pair('zone', 'ü')]),
    );
  });

  it('is nothing at all without pairs; undefined values are none', () => {
    assert.equal(encodeMetadata({}, LIMITS), undefined);
    assert.equal(encodeMetadata({ a: undefined } as never, LIMITS), undefined);
  });

  it('refuses keys that others could misread', () => {
    for (const key of ['', 'Trace', 'a b', 'a:b', 'a\r\n', 'a\0', '-a', '.a', 'ä', 'a'.repeat(129)])
      refusesToEncode({ [key]: 'v' }, /metadata key .* must be 1 to 128 of a-z/);
  });

  it('refuses values that are no clean text', () => {
    refusesToEncode({ a: 1 }, /metadata "a" must be a string, not number/);
    for (const value of ['a\r\nb', '\0', '\u007f', '\ud800'])
      refusesToEncode({ a: value }, /control characters or half/);
  });

  it('takes as many bytes and keys as are allowed, and names the key at which they are exceeded', () => {
    const value = 'v'.repeat(400 - 4);
    assert.equal(encodeMetadata({ a: value }, LIMITS)?.length, 400);
    refusesToEncode({ a: `${value}v` }, /beyond its limits at "a": at most 4 keys and 400 bytes/);
    assert.ok(encodeMetadata({ a: '', b: '', c: '', d: '' }, LIMITS));
    refusesToEncode({ a: '', b: '', c: '', d: '', e: '' }, /beyond its limits at "e"/);
  });
});

describe('decodeMetadata', () => {
  it('reads what was written and nothing beside it', () => {
    assert.deepEqual({ ...decode(Buffer.concat([pair('a', '1'), pair('b', 'zwölf')])) }, { a: '1', b: 'zwölf' });
  });

  it('gives the shared empty object for no bytes', () => {
    assert.equal(decode(Buffer.alloc(0)), NO_METADATA);
    assert.equal(Object.isFrozen(NO_METADATA), true);
  });

  it('has no prototype to be reached through a key', () => {
    const metadata = decode(Buffer.concat([pair('__proto__', 'x'), pair('constructor', 'y')]));
    assert.equal(Object.getPrototypeOf(metadata), null);
    assert.deepEqual(Object.entries(metadata), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });

  it('refuses pairs that are cut short at any byte', () => {
    const bytes = pair('key', 'value');
    for (let end = 1; end < bytes.length; end++) refusesToDecode(bytes.subarray(0, end), /cut short/);
    refusesToDecode(pair('key', 'value', 200), /cut short/);
    refusesToDecode(pair('key', 'value', 3, 60_000), /cut short/);
  });

  it('refuses keys and values that could not have been written', () => {
    for (const key of ['', 'Trace', 'a b', 'a:b', 'a\n', 'a\0', '\xe4'])
      refusesToDecode(pair(key, 'v'), /key has characters/);
    refusesToDecode(pair('a', 'x\r\ny'), /control characters/);
    refusesToDecode(pair('a', Buffer.from([0xc3, 0x28])), /not valid UTF-8/);
    refusesToDecode(Buffer.concat([pair('a', '1'), pair('a', '2')]), /"a" occurs twice/);
  });

  it('refuses more bytes or keys than are allowed before it reads them', () => {
    const keys = Buffer.concat(['a', 'b', 'c', 'd', 'e'].map((key) => pair(key, '')));
    for (const [bytes, reason] of [
      [Buffer.alloc(401, 0xff), 'metadata of 401 bytes is beyond the limit of 400 (limits.metadataBytes)'],
      [keys, 'more than 4 metadata keys (limits.metadataKeys)'],
    ] as const)
      assert.throws(() => decode(bytes), { code: 'RESOURCE_EXHAUSTED', progress: 'refused', reason });
  });

  const key = fc.stringMatching(/^[a-z0-9_][a-z0-9._-]{0,20}$/);
  it('reads back whatever can be written', () => {
    const limits = { metadataBytes: 65_535, metadataKeys: 100 };
    const property = fc.property(fc.dictionary(key, fc.string({ unit: 'grapheme', maxLength: 30 })), (metadata) => {
      let bytes: Buffer | undefined;
      try {
        bytes = encodeMetadata(metadata, limits);
      } catch {
        return; // Control characters.
      }
      const read = decodeMetadata(bytes ?? Buffer.alloc(0), 0, bytes?.length ?? 0, limits);
      assert.deepEqual({ ...read }, { ...metadata });
    });
    fc.assert(property, { numRuns: 300, seed: 4 });
  });

  it('throws nothing but a ProtocolError at garbage', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      try {
        decode(Buffer.from(bytes));
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    });
    fc.assert(property, { numRuns: 1_000, seed: 5 });
  });
});
