import assert from 'node:assert/strict';
import { HEADER_BYTES, ProtocolError } from '../../../packages/wire/src/frames/frame.js';
import { FrameReader } from '../../../packages/wire/src/frames/frame-reader.js';
import { wholeFrames } from '../../../packages/wire/test/whole-frames.js';
import { Chance } from '../chance.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { CLIENT_FRAMES, frameBoundaries, SERVER_FRAMES, session } from '../grammar/frames.js';
import { chunks } from '../split.js';

/** The frame reader: the frames of a plain reading, however they are cut, and typed errors. */
export const frameReader: FuzzTarget = {
  name: 'frame-reader',
  generate: (chance) => session(chance, chance.flip(0.5) ? CLIENT_FRAMES : SERVER_FRAMES, false),
  boundaries: frameBoundaries,
  run(plan, bytes, held) {
    const chance = new Chance(plan);
    const bodyBytesMax = chance.flip(0.6) ? 4_194_304 : 16 + chance.size(2_000);
    const whole = read([bytes], bodyBytesMax);
    held();
    assert.deepStrictEqual(whole, plainly(bytes, bodyBytesMax), 'not what a plain reading finds');
    assert.deepStrictEqual(read(chunks(bytes, chance), bodyBytesMax), whole, 'another result when it is cut');
  },
};

function read(parts: readonly Buffer[], bodyBytesMax: number): unknown[] {
  const found: unknown[] = [];
  const reader = new FrameReader(
    wholeFrames({
      frame: (type, flags, id, bytes, start, end) =>
        void found.push([type, flags, id, bytes.toString('latin1', start, end)]),
      oversized: (type, flags, id, bodyBytes) => void found.push([type, flags, id, bodyBytes]),
    }),
    bodyBytesMax,
  );
  try {
    for (const part of parts) reader.push(part);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `not a ProtocolError: ${String(error)}`);
    return [...found, 'refused'];
  }
  return [...found, reader.isInsideFrame];
}

function plainly(bytes: Buffer, bodyBytesMax: number): unknown[] {
  const found: unknown[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const bodyBytes = bytes.readUInt32BE(at);
    const head = [bytes[at + 4], bytes[at + 5], bytes.readUInt32BE(at + 6)];
    const start = at + HEADER_BYTES;
    if (bodyBytes > 4 * bodyBytesMax) return [...found, 'refused'];
    if (bodyBytes <= bodyBytesMax && start + bodyBytes > bytes.length) break;
    found.push([...head, bodyBytes > bodyBytesMax ? bodyBytes : bytes.toString('latin1', start, start + bodyBytes)]);
    at = start + bodyBytes;
  }
  return [...found, at !== bytes.length];
}
