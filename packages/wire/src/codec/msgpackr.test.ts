import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Unpackr } from 'msgpackr';
import { decoded, encoded, hex } from '../../test/codec-helpers.js';
import { msgpackrCodec } from './msgpackr.js';

const run = promisify(execFile);
const decode = (bytes: Buffer): unknown => decoded(bytes, {}, {}, msgpackrCodec);

/** How often msgpackr itself is asked while something runs. */
function askedOf(action: () => void): number {
  const { unpack } = Unpackr.prototype;
  let asked = 0;
  Unpackr.prototype.unpack = function (this: Unpackr, ...args) {
    asked++;
    return unpack.apply(this, args) as unknown;
  };
  try {
    action();
  } finally {
    Unpackr.prototype.unpack = unpack;
  }
  return asked;
}

describe('msgpackrCodec()', () => {
  it('carries the name of what it writes, so that it may talk to msgpack()', () => {
    assert.equal(msgpackrCodec().name, 'msgpack');
  });

  it('refuses senseless options as msgpack() does', () => {
    assert.throws(() => msgpackrCodec({ maximumBytes: 0 }), /TypeError: maximumBytes of msgpack\(\) must be/);
  });

  it('decodes plain messages with msgpackr, short and long', () => {
    for (const value of [1, 'a', { a: [1.5, null] }, Array.from({ length: 3000 }, (_, i) => ({ i }))]) {
      const bytes = encoded(value);
      assert.equal(
        askedOf(() => assert.deepEqual(decode(bytes), value)),
        1,
      );
    }
  });

  it('gives msgpackr nothing that it would read another way', () => {
    for (const value of [1n, new Set([1]), 2n ** 60n, [undefined], `\ufeff${'x'.repeat(100)}`]) {
      const bytes = encoded(value);
      assert.equal(
        askedOf(() => assert.deepEqual(decode(bytes), value)),
        0,
      );
    }
    for (const bytes of ['c1', '92 01', 'd4 72 40', 'a1 ff', 'dd ff ff ff ff'])
      assert.equal(
        askedOf(() => assert.throws(() => decode(hex(bytes)))),
        0,
      );
  });

  it('decodes by itself when msgpackr fails', () => {
    const { unpack } = Unpackr.prototype;
    Unpackr.prototype.unpack = () => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    try {
      assert.deepEqual(decode(encoded({ a: [1] })), { a: [1] });
    } finally {
      Unpackr.prototype.unpack = unpack;
    }
  });

  for (const [name, flags, env] of [
    ['where no code may be made of strings', ['--disallow-code-generation-from-strings'], {}],
    ['without the native part of msgpackr', [], { MSGPACKR_NATIVE_ACCELERATION_DISABLED: 'true' }],
  ] as const)
    it(`works ${name}`, async () => {
      const script = `
        import assert from 'node:assert/strict';
        import { readFileSync } from 'node:fs';
        import { allocateChunk } from './src/codec/codec.js';
        import { msgpackrCodec } from './src/codec/msgpackr.js';
        import { DEFAULT_LIMITS } from '@org/rpc-core';
        const codec = msgpackrCodec();
        const decode = codec.createDecoder(DEFAULT_LIMITS);
        const strings = JSON.parse(readFileSync('test/vectors/blns.json', 'utf8'));
        const records = strings.map((text, i) => ({ i, text, list: [i / 3, text.repeat(3), { [text]: null }] }));
        for (const value of [strings, records, ...records, ...strings, '\\ufeff' + 'x'.repeat(80), '\\u{1f642}'.repeat(5000)]) {
          for (let round = 0; round < 3; round++) {
            const target = { chunk: allocateChunk(8), position: 0 };
            codec.encode(value, target);
            assert.deepEqual(decode(target.chunk.bytes, 0, target.position), value);
          }
        }
        console.log('same');
      `;
      const all = ['--import', 'tsx', '--conditions=@org/source', ...flags, '--input-type=module', '--eval', script];
      const cwd = new URL('../..', import.meta.url);
      // That it hangs is for the test's own time to say, which is longer where processors are busy: this only ends the process then.
      const options = { cwd, env: { ...process.env, ...env }, timeout: 180_000 };
      const { stdout } = await run(process.execPath, all, options);
      assert.equal(stdout.trim(), 'same');
    });
});
