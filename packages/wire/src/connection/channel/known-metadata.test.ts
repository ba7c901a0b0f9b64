import assert from 'node:assert/strict';
import type { Metadata } from '@org/rpc-core';
import fc from 'fast-check';
import { decodeMetadata, encodeMetadata } from '../../frames/metadata.js';
import { KnownMetadata, Section } from './known-metadata.js';

const LIMITS = { metadataBytes: 4_096, metadataKeys: 8 };

/** A section in the middle of other bytes, as in a frame. */
function framed(section: Buffer): [Buffer, number, number] {
  return [Buffer.concat([Buffer.from('xx'), section, Buffer.from('yyyy')]), 2, 2 + section.length];
}

const read = (known: KnownMetadata, section: Buffer): Metadata => {
  const found = known.decode(...framed(section));
  return found instanceof Section ? found.copy() : found;
};

const attempt = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return String(error);
  }
};

const some = fc.dictionary(
  fc.constantFrom('tenant', 'zone', 'authorization', 'traceparent', 'Wrong key'),
  fc.oneof(fc.constantFrom('a', 'b', 'ü', 'line\n', 'x'.repeat(600)), fc.string({ maxLength: 20 })),
  { maxKeys: 4, noNullPrototype: true },
);

describe('the metadata that a connection has seen', () => {
  it('is sent as it would be without memory of what was sent before, and refused for the same', () => {
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), (all) => {
        const known = new KnownMetadata(LIMITS);
        for (const metadata of [...all, ...all]) {
          const expected = attempt(() => encodeMetadata(metadata, LIMITS));
          assert.deepEqual(
            attempt(() => known.encode(metadata)),
            expected,
          );
          assert.deepEqual(
            attempt(() => known.encode({ ...metadata })),
            expected,
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is read as it would be without memory of what was read before, and refused for the same', () => {
    const section = fc.oneof(
      some.map((metadata) => {
        const bytes = attempt(() => encodeMetadata(metadata, LIMITS));
        return Buffer.isBuffer(bytes) ? bytes : Buffer.from('\x01\x00\x01ab');
      }),
      fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(section, { maxLength: 12 }), (all) => {
        const known = new KnownMetadata(LIMITS);
        for (const bytes of [...all, ...all, ...[...all].reverse()])
          assert.deepEqual(
            attempt(() => read(known, bytes)),
            attempt(() => decodeMetadata(...framed(bytes), LIMITS)),
          );
      }),
      { numRuns: 60 },
    );
  });

  it('is checked anew when an object that was sent before has changed', () => {
    const known = new KnownMetadata(LIMITS);
    const metadata: Record<string, string> = { tenant: 'a' };
    known.encode(metadata);
    metadata.tenant = 'b\n';
    assert.throws(() => known.encode(metadata), TypeError);
    metadata.tenant = 'b';
    assert.deepEqual(known.encode(metadata), encodeMetadata({ tenant: 'b' }, LIMITS));
  });

  it('is written and read once while it stays the same', () => {
    const known = new KnownMetadata(LIMITS);
    const first = known.encode({ tenant: 'a', zone: 'z' })!;
    assert.equal(known.encode({ tenant: 'a', zone: 'z' }), first);
    const section = known.decode(...framed(first));
    assert.ok(section instanceof Section);
    assert.equal(known.decode(...framed(first)), section);
  });

  it('belongs to each call alone: what a handler changes in it, no other call sees', () => {
    const known = new KnownMetadata(LIMITS);
    const bytes = encodeMetadata({ tenant: 'a' }, LIMITS)!;
    const [one, other] = [read(known, bytes), read(known, bytes)] as [Record<string, string>, Record<string, string>];
    one.tenant = 'changed';
    assert.deepEqual([other.tenant, read(known, bytes).tenant], ['a', 'a']);
    assert.equal(Object.getPrototypeOf(other), null);
  });

  it('is not kept where it is long, or where each call has its own', () => {
    const known = new KnownMetadata(LIMITS);
    const long = encodeMetadata({ token: 'x'.repeat(1_100) }, LIMITS)!;
    assert.ok(!(known.decode(...framed(long)) instanceof Section));
    let kept = 0;
    for (let i = 0; i < 1_000; i++) {
      const bytes = encodeMetadata({ traceparent: `${i}`.padStart(32, '0') }, LIMITS)!;
      if (known.decode(...framed(bytes)) instanceof Section) kept++;
    }
    assert.ok(kept < 100, `${kept} of 1000`);
  });
});
