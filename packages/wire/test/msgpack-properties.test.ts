import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, type Limits } from '@org/rpc-core';
import fc from 'fast-check';
import { BoundedDecoder } from '../src/codec/bounded-decoder.js';
import { allocateChunk, CodecError } from '../src/codec/codec.js';
import { KeyCache } from '../src/codec/key-cache.js';
import { msgpack } from '../src/codec/msgpack.js';
import { createScanner } from '../src/codec/scanner.js';
import { createViewCache } from '../src/codec/view-cache.js';
import { CODECS } from './codec-conformance.js';
import { decoded, encoded } from './codec-helpers.js';

const RUNS = { numRuns: 10_000 };

/** Text of all code points but halves of surrogate pairs, long enough for every header at times. */
const text = fc.oneof(
  { weight: 15, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 250, maxLength: 270 }) },
);
const bytes = fc
  .oneof(
    { weight: 15, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  )
  .map((values) => Buffer.from(values));
const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  text,
  bytes,
  fc.date({ noInvalidDate: true }),
  fc.float32Array({ maxLength: 5 }),
  fc.uint16Array({ maxLength: 5 }),
);
/** Without -0: `Map` and `Set` make it 0. */
const key = fc.oneof(fc.integer(), text, fc.boolean(), fc.bigInt());
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(fc.oneof(tie('value'), fc.constant(undefined)), { maxLength: 17 }),
    fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 6, noNullPrototype: true },
    ),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 8 }).map((entries) => new Map(entries)),
    fc.array(key, { maxLength: 8 }).map((members) => new Set(members)),
  ),
}));

/** Bytes that look like MessagePack more often than chance: type bytes, small lengths, our extension types. */
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .array(
      fc.oneof(
        fc.integer({ min: 0x80, max: 0xa3 }),
        fc.integer({ min: 0xc0, max: 0xdf }),
        fc.integer({ min: 0, max: 8 }),
        fc.constantFrom(0x00, 0x42, 0x65, 0x6d, 0x73, 0x74, 0xff, 0xa1, 0x61, 0x91, 0x92),
      ),
      { maxLength: 40 },
    )
    .map((values) => Uint8Array.from(values)),
);

/** The bytes of a good value with some of them changed, cut out or repeated. */
const mutated = fc
  .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(3)), { minLength: 1, maxLength: 4 }))
  .map(([good, changes]) => {
    let message = encoded(good);
    for (const [place, byte, kind] of changes) {
      const at = place % Math.max(1, message.length);
      if (kind === 0) message[at] = byte;
      else if (kind === 1) message = Buffer.concat([message.subarray(0, at), message.subarray(at + 1)]);
      else if (kind === 2) message = Buffer.concat([message.subarray(0, at), Buffer.of(byte), message.subarray(at)]);
      else message = Buffer.concat([message.subarray(0, at + 1), message.subarray(Math.max(0, at - 4))]);
    }
    return message;
  });

/** Holds scanner and decoder against each other on bytes that are claimed to be one message. */
function agree(message: Uint8Array, limits: Limits): void {
  const input = Buffer.from(message);
  let end: number | CodecError;
  try {
    end = createScanner(limits).push(input, 0, input.length);
  } catch (error) {
    assert.ok(error instanceof CodecError);
    end = error;
  }
  const scannerAccepts = end === input.length && input.length > 0;
  try {
    decoded(input, limits);
    assert.ok(scannerAccepts, `the decoder accepts, the scanner says ${String(end)}: ${input.toString('hex')}`);
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error));
    // The scanner finds where values end; what is in them it leaves to the decoder.
    if (scannerAccepts) assert.ok(!error.malformed, `${error.message}: ${input.toString('hex')}`);
  }
}

const TIGHT: Limits = { ...DEFAULT_LIMITS, messageDepth: 2, messageElements: 6 };

describe('properties of the codec', function () {
  this.timeout(60_000);

  it('any value comes back as it was, and encoded again is the same bytes', () => {
    fc.assert(
      fc.property(value, (sent) => {
        const first = encoded(sent);
        const got = decoded(first);
        assert.deepEqual(got, sent);
        assert.deepEqual(encoded(got), first);
      }),
      RUNS,
    );
  });

  it('values appended one after the other are found and decoded one by one', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), (sent) => {
        const codec = msgpack();
        const target = { chunk: allocateChunk(16), position: 0 };
        for (const one of sent) codec.encode(one, target);
        const scanner = createScanner(DEFAULT_LIMITS);
        const decode = codec.createDecoder(DEFAULT_LIMITS);
        let at = 0;
        for (const one of sent) {
          const end = scanner.push(target.chunk.bytes, at, target.position);
          assert.deepEqual(decode(target.chunk.bytes, at, end), one);
          at = end;
        }
        assert.equal(at, target.position);
      }),
      RUNS,
    );
  });

  it('garbage is a value or a CodecError, and the scanner agrees with the decoder', () => {
    fc.assert(
      fc.property(garbage, (message) => agree(message, DEFAULT_LIMITS)),
      RUNS,
    );
    fc.assert(
      fc.property(garbage, (message) => agree(message, TIGHT)),
      RUNS,
    );
  });

  it('a changed good message is a value or a CodecError, and the scanner agrees with the decoder', () => {
    fc.assert(
      fc.property(mutated, (message) => agree(message, DEFAULT_LIMITS)),
      RUNS,
    );
    fc.assert(
      fc.property(mutated, (message) => agree(message, TIGHT)),
      RUNS,
    );
  });

  it('garbage makes no more than its bytes can pay for, whether or not it is refused in the end', () => {
    const views = createViewCache();
    const settings = {
      limits: DEFAULT_LIMITS,
      keepUnknown: true,
      isForeign: false,
      keepMalformed: false,
      views,
      keys: new KeyCache(),
    };
    const decoder = new BoundedDecoder(settings);
    fc.assert(
      fc.property(fc.oneof(garbage, mutated), (message) => {
        const bytes = Buffer.from(message);
        try {
          decoder.decodeMessage(bytes, 0, bytes.length);
        } catch (error) {
          assert.ok(error instanceof CodecError, String(error));
        }
        // An empty binary is the dearest: two bytes that become an element and an object.
        assert.ok(
          decoder.extraBytes <= 160 * bytes.length,
          `${decoder.extraBytes} of ${bytes.length}: ${bytes.toString('hex')}`,
        );
      }),
      RUNS,
    );
  });

  it('a good message is accepted by the scanner, and a decoder that failed before decodes it', () => {
    const decode = msgpack().createDecoder(DEFAULT_LIMITS);
    fc.assert(
      fc.property(value, garbage, (good, bad) => {
        try {
          decode(Buffer.from(bad), 0, bad.length);
        } catch (error) {
          assert.ok(error instanceof CodecError);
        }
        const message = encoded(good);
        assert.equal(createScanner(DEFAULT_LIMITS).push(message, 0, message.length), message.length);
        assert.deepEqual(decode(message, 0, message.length), good);
      }),
      RUNS,
    );
  });

  it('every codec makes the same value or error of the same bytes, and writes the same bytes for the same value', () => {
    const same = (message: Uint8Array, limits: Limits): void => {
      const [first, ...others] = CODECS.map((codec) => outcome(() => codec.decode(Buffer.from(message), limits)));
      for (const other of others) assert.deepEqual(other, first);
    };
    fc.assert(
      fc.property(fc.oneof(mutated, garbage), (message) => {
        same(message, DEFAULT_LIMITS);
        same(message, TIGHT);
      }),
      RUNS,
    );
    fc.assert(
      fc.property(value, (sent) => {
        const [first, ...others] = CODECS.map((codec) => codec.encode(sent));
        for (const other of others) assert.deepEqual(other, first);
        for (const codec of CODECS) assert.deepEqual(codec.decode(first!), sent);
      }),
      RUNS,
    );
  });

  it('the scanner says the same however the bytes are split', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, garbage), fc.array(fc.nat(), { maxLength: 8 }), (message, cuts) => {
        assert.deepEqual(ends(message, cuts), ends(message, []));
      }),
      RUNS,
    );
  });
});

/** A value, or the words in which it was refused. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof CodecError);
    return error.message;
  }
}

/** All message ends in the bytes, pushed in pieces, and the error that stopped the scanner. */
function ends(message: Uint8Array, cuts: readonly number[]): unknown[] {
  const scanner = createScanner(TIGHT);
  const found: unknown[] = [];
  const places = [...cuts.map((cut) => cut % (message.length + 1)), message.length].sort((a, b) => a - b);
  let at = 0;
  try {
    for (const place of places) {
      for (;;) {
        const end = scanner.push(message, at, place);
        if (end < 0) break;
        found.push(end);
        at = end;
      }
      at = place;
    }
  } catch (error) {
    found.push((error as Error).message);
  }
  return [...found, scanner.pendingBytes];
}
