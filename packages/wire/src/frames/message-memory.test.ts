import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MessageMemory } from './message-memory.js';

const MIB = 2 ** 20;

/** Counts what `run` takes of fresh memory for buffers of their own. */
function freshBytes(run: () => void): number {
  const { allocUnsafeSlow } = Buffer;
  let taken = 0;
  Buffer.allocUnsafeSlow = (size) => {
    taken += size;
    return allocUnsafeSlow(size);
  };
  try {
    run();
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  }
  return taken;
}

/** Puts a message of such bytes together that comes in chunks of these lengths, again and again until it is whole. */
function put(memory: MessageMemory, total: number, chunks: readonly number[], fill: number): Buffer {
  const chunk = Buffer.alloc(Math.max(...chunks), fill);
  for (let i = 0; memory.receivedBytes < total; i++)
    memory.append(chunk, 0, Math.min(chunks[i % chunks.length]!, total - memory.receivedBytes), total);
  return memory.bytes.subarray(memory.start, memory.end);
}

describe('the memory of a message that does not come at once', () => {
  it('takes a twentieth more fresh bytes than the message has, and no more', () => {
    for (const total of [100_000, 300_000, MIB, 3 * MIB, 4 * MIB])
      for (const chunk of [4_000, 16_000, 65_536]) {
        // What is borrowed is there from the second message on.
        put(new MessageMemory(), total, [chunk], 1);
        const taken = freshBytes(() => put(new MessageMemory(), total, [chunk], 1));
        assert.ok(taken <= 1.05 * total + 16_000, `${taken} bytes for ${total} in chunks of ${chunk}`);
      }
  });

  it('never takes more than five times what has come, borrowed memory included', () => {
    for (const chunk of [300, 4_000, 16_000, 65_536]) {
      const memory = new MessageMemory();
      const bytes = Buffer.alloc(chunk);
      while (memory.receivedBytes < 4 * MIB - chunk) {
        memory.append(bytes, 0, chunk, 4 * MIB);
        assert.ok(memory.bytes.length <= 5 * memory.receivedBytes + 256, `${memory.bytes.length}`);
      }
    }
  });

  it('leaves each whole message alone, whatever others come after and beside it', () => {
    const message = fc.record({
      total: fc.integer({ min: 1, max: 2_000_000 }),
      chunks: fc.array(fc.integer({ min: 1_000, max: 70_000 }), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), fc.boolean(), (messages, isReused) => {
        const shared = new MessageMemory();
        const abandoned = new MessageMemory();
        abandoned.append(Buffer.alloc(60_000, 0xff), 0, 60_000, 4 * MIB);
        const whole = messages.map(({ total, chunks }, index) => {
          const memory = isReused ? shared : new MessageMemory();
          const bytes = put(memory, total, chunks, index + 1);
          if (isReused) memory.clear();
          return bytes;
        });
        abandoned.clear();
        for (const [index, { total }] of messages.entries())
          assert.ok(whole[index]!.equals(Buffer.alloc(total, index + 1)), `message ${index} of ${total} bytes`);
      }),
      { numRuns: 20 },
    );
  });
});
