import { inflate } from '../src/connection/compression/inflate.js';
import { COMPRESSED, readInflatedLength } from '../src/frames/compressed.js';
import { FrameType, ReplyFlag } from '../src/frames/frame.js';
import { createParsedRequest, parseRequest } from '../src/frames/frame-parser.js';
import type { RawFrame } from './raw-peer.js';

/** A frame whose payload is not compressed, and what is known of the one that it was before. */
export interface PlainFrame extends RawFrame {
  readonly inflatedBytes?: number;
  /** Of an item. */
  readonly cost?: number;
}

/** The frame as it would have come uncompressed. */
export function uncompressed(frame: RawFrame): PlainFrame {
  const { type, flags, body } = frame;
  if ((flags & COMPRESSED) === 0) return frame;
  const payloadStart = payloadStartOf(frame);
  const payload = inflate(body, payloadStart, body.length) as Buffer;
  return {
    ...frame,
    flags: flags & ~COMPRESSED,
    body: Buffer.concat([body.subarray(0, payloadStart), payload]),
    inflatedBytes: readInflatedLength(body, payloadStart, body.length),
    ...(type === FrameType.ITEM ? { cost: body.length } : {}),
  };
}

function payloadStartOf({ type, flags, body }: RawFrame): number {
  if (type === FrameType.RESPONSE) return (flags & ReplyFlag.METADATA) === 0 ? 0 : 2 + body.readUInt16BE(0);
  if (type !== FrameType.REQUEST) return 0;
  const parsed = createParsedRequest();
  parseRequest(parsed, body, 0, body.length);
  return parsed.payloadStart;
}
