import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import fc from 'fast-check';
import { type PairRig, pairRig } from '../../../test/connection-rig.js';
import { wrapStream } from '../../../test/wrap-stream.js';
import { PIECE_BYTES, WHOLE_BYTES_MAX } from '../../frames/frame.js';

/** Sizes at which the number of frames changes (one or two, two or three), and any size. */
const size = fc.oneof(
  fc.integer({ min: -40, max: 40 }).map((offset) => PIECE_BYTES + offset),
  fc.integer({ min: -60, max: 60 }).map((offset) => WHOLE_BYTES_MAX + offset),
  fc.integer({ min: -60, max: 60 }).map((offset) => 2 * PIECE_BYTES + offset),
  fc.integer({ min: 0, max: 600_000 }),
);

const value = (bytes: number): Buffer => Buffer.alloc(bytes, `${bytes} `);

/** A pair whose bytes arrive in chunks of other sizes than were sent. */
function cutting(chunkBytes: number): PairRig {
  const rig = pairRig({ wrap: (stream) => wrapStream(stream, { chunkBytes }) });
  rig.host.methods['fails'] = (details: unknown) => {
    throw new RpcError('ABORTED', 'why', { details });
  };
  return rig;
}

describe('messages of any size, cut anywhere', () => {
  it('are the same at the other end: requests, replies and the details of errors, many at a time', async () => {
    const property = fc.asyncProperty(
      fc.array(size, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 700, max: 150_000 }),
      async (sizes, chunkBytes) => {
        const rig = cutting(chunkBytes);
        const sent = sizes.map(
          (bytes) => [rig.call('echo', [value(bytes)]), rig.call('fails', [value(bytes)])] as const,
        );
        await rig.settle();
        for (const [index, [echoed, failed]] of sent.entries()) {
          const expected = value(sizes[index]!);
          assert.ok(expected.equals(echoed.value as Buffer));
          assert.ok(expected.equals(failed.error?.details as Buffer));
        }
        assert.deepEqual([rig.connection.inFlight, rig.server.running, rig.observed.closed], [0, 0, []]);
      },
    );
    await fc.assert(property, { numRuns: 60, seed: 11 });
  });
});

describe('large calls side by side', () => {
  it('are all served, though together they are more than may wait to be written', async () => {
    const rig = pairRig();
    rig.host.methods['size'] = (bytes: Uint8Array) => bytes.length;
    const sent = Array.from({ length: 10 }, () => rig.call('size', [Buffer.alloc(3_000_000)]));
    for (let turn = 0; turn < 200 && sent.some(({ settledTimes }) => settledTimes === 0); turn++) await rig.settle();
    assert.deepEqual(
      sent.map(({ value, error }) => error ?? value),
      Array<number>(10).fill(3_000_000),
    );
  });
});

describe('a large binary that is echoed', () => {
  it('takes at most twice its bytes of fresh memory at each end', async () => {
    for (const bytes of [20_000, 65_536, 300_000, 1_048_576]) {
      const rig = cutting(65_536);
      await rig.settle();
      const { allocUnsafeSlow } = Buffer;
      let taken = 0;
      Buffer.allocUnsafeSlow = (size) => {
        taken += size;
        return allocUnsafeSlow(size);
      };
      const echoed = rig.call('echo', [value(bytes)]);
      try {
        await rig.settle();
      } finally {
        Buffer.allocUnsafeSlow = allocUnsafeSlow;
      }
      assert.ok(value(bytes).equals(echoed.value as Buffer));
      // 64 KiB is the buffer of an output, which is reused.
      assert.ok(taken <= 2 * 2 * bytes + 2 * 65_536, `${taken} bytes for ${bytes}`);
    }
  });
});
