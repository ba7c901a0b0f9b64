import assert from 'node:assert/strict';
import { encoded } from '../../test/codec-helpers.js';
import { allocateChunk } from '../codec/codec.js';
import { UnknownExtension } from '../codec/extensions.js';
import { ProtocolError } from './frame.js';
import { type Hello, readHello, writeHello } from './hello.js';

const HELLO: Hello = {
  version: 1,
  instance: 'a',
  expect: 'b',
  codec: 'msgpack',
  messageBytes: 4096,
  callsInFlight: 10,
  uptimeMs: 5,
  streamCredit: 100_000,
  connectionCredit: 2_000_000,
  compression: ['deflate', 'something-new'],
};

const read = (bytes: Buffer): Hello => readHello(bytes, 0, bytes.length);
const refuses = (value: unknown, message: RegExp): void =>
  assert.throws(
    () => read(Buffer.isBuffer(value) ? value : encoded(value)),
    (error) => error instanceof ProtocolError && message.test(error.message),
  );

describe('HELLO', () => {
  it('is read as it was written', () => {
    const target = { chunk: allocateChunk(8), position: 0 };
    writeHello(target, HELLO);
    assert.deepEqual(read(target.chunk.bytes.subarray(0, target.position)), HELLO);
  });

  it('may have fields that nobody knows, and lack texts', () => {
    const { instance, expect, ...rest } = HELLO;
    assert.deepEqual(read(encoded({ ...rest, novelty: [1, 2] })), { ...HELLO, instance: '', expect: '' });
    assert.deepEqual([instance, expect], ['a', 'b']);
  });

  it('takes nothing compressed when it does not say so', () => {
    const { compression: _, ...rest } = HELLO;
    assert.deepEqual(read(encoded(rest)).compression, []);
    assert.deepEqual(read(encoded({ ...HELLO, compression: null })).compression, []);
    refuses({ ...HELLO, compression: 'deflate' }, /"compression" must be an array of at most 16 texts/);
    refuses({ ...HELLO, compression: Array(17).fill('x') }, /"compression"/);
    refuses({ ...HELLO, compression: [1] }, /"compression"/);
  });

  it('says what contracts its sender has, and one that cannot be read says nothing', () => {
    const contracts = 'shop(find=u!)';
    const target = { chunk: allocateChunk(8), position: 0 };
    writeHello(target, { ...HELLO, contracts });
    assert.deepEqual(read(target.chunk.bytes.subarray(0, target.position)), { ...HELLO, contracts });
    for (const other of [null, 7, ['a'], 'x'.repeat(8_193)])
      assert.deepEqual(read(encoded({ ...HELLO, contracts: other })), HELLO);
  });

  it('grants the usual credit when it says none', () => {
    const { streamCredit: _stream, connectionCredit: _connection, ...rest } = HELLO;
    const { streamCredit, connectionCredit } = read(encoded(rest));
    assert.deepEqual([streamCredit, connectionCredit], [65_536, 1_048_576]);
  });

  it('may hold at most 64 elements, whatever the limits of the connection, nested at most 8 deep', () => {
    const fields = 2 * Object.keys(HELLO).length + HELLO.compression!.length;
    const full = { ...HELLO, novelty: Array(64 - fields - 2).fill(0) };
    assert.deepEqual(read(encoded(full)), HELLO);
    refuses({ ...full, novelty: [...full.novelty, 0] }, /HELLO cannot be read: .*more than 64 elements/);
    refuses({ ...HELLO, novelty: Array(20).fill(Buffer.alloc(0)) }, /more than 64 elements/);
    let deep: unknown = 0;
    for (let i = 0; i < 8; i++) deep = [deep];
    refuses({ ...HELLO, novelty: deep }, /nested deeper than 8/);
  });

  it('may have extensions that nobody knows in fields that nobody knows', () => {
    assert.deepEqual(read(encoded({ ...HELLO, novelty: [new UnknownExtension(42, Buffer.alloc(3))] })), HELLO);
  });

  it('is refused when it is no map', () => {
    for (const value of [null, 1, 'text', [1], true]) refuses(value, /HELLO is not a map/);
  });

  it('is refused when it is not exactly one value, or too large', () => {
    refuses(Buffer.from('c1', 'hex'), /HELLO cannot be read/);
    refuses(Buffer.concat([encoded(HELLO), Buffer.from([0])]), /HELLO cannot be read/);
    refuses(Buffer.alloc(0), /HELLO cannot be read/);
    refuses({ ...HELLO, padding: 'x'.repeat(16 * 1024) }, /a HELLO of \d+ bytes is beyond 16384/);
  });

  for (const [name, min, max] of [
    ['version', 1, 65_535],
    ['messageBytes', 1024, 2 ** 32 - 1],
    ['callsInFlight', 1, 65_535],
    ['uptimeMs', 0, Number.MAX_SAFE_INTEGER],
    ['streamCredit', 65_536, 2 ** 31 - 1],
    ['connectionCredit', 1_048_576, 2 ** 31 - 1],
  ] as const) {
    it(`must have a number from ${min} to ${max} as ${name}`, () => {
      for (const value of [min - 1, max + 1, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, true, [7], 2n ** 63n])
        refuses(
          { ...HELLO, [name]: value },
          new RegExp(`HELLO field "${name}" must be a number from ${min} to ${max}`),
        );
      const without = Object.fromEntries(Object.entries(HELLO).filter(([key]) => key !== name));
      if (!name.endsWith('Credit')) refuses(without, new RegExp(`"${name}"`));
      assert.equal(read(encoded({ ...HELLO, [name]: min }))[name], min);
      assert.equal(read(encoded({ ...HELLO, [name]: max }))[name], max);
    });
  }

  for (const name of ['instance', 'expect', 'codec'] as const) {
    it(`must have a short text without control characters as ${name}`, () => {
      for (const value of [1, true, [], {}, 'x'.repeat(257), 'a\nb', '\u001b[31m'])
        refuses({ ...HELLO, [name]: value }, new RegExp(`HELLO field "${name}" must be text of at most 256`));
      assert.equal(read(encoded({ ...HELLO, [name]: 'x'.repeat(256) }))[name].length, 256);
    });
  }

  it('has a token of visible ASCII characters, and never shows one that is none', () => {
    const unfit = [1, true, [], '', 'sec ret', 'sec\nret', 'secrét', 'x'.repeat(6_145)];
    for (const token of unfit)
      refuses(
        { ...HELLO, token },
        /^HELLO field "token" must be text of 1 to 6144 visible ASCII characters without spaces$/,
      );
    assert.equal(read(encoded({ ...HELLO, token: 'x'.repeat(6_144) })).token?.length, 6_144);
    assert.equal(read(encoded({ ...HELLO, token: null })).token, undefined);
  });
});
