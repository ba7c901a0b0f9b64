import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { COMPRESSED } from '../src/frames/compressed.js';
import { FrameType } from '../src/frames/frame.js';
import { encoded } from './codec-helpers.js';
import { rawFrame, requestFrame } from './raw-peer.js';

/** The payload section of a compressed frame; `announced` lies about its length. */
export function compressedPayload(
  payload: Buffer,
  announced = payload.length,
  compressed: Uint8Array = deflateSync(payload),
): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(announced);
  return Buffer.concat([length, compressed]);
}

/** A REQUEST whose payload section is this. */
export function compressedRequest(id: number, payload: Buffer, flags = 0): Buffer {
  return requestFrame(id, [], { payload, flags: flags | COMPRESSED });
}

/** A RESPONSE whose payload section is this. */
export function compressedResponse(id: number, payload: Buffer): Buffer {
  return rawFrame(FrameType.RESPONSE, payload, id, COMPRESSED);
}

/** An ITEM whose payload section is this. */
export function compressedItem(id: number, payload: Buffer): Buffer {
  return rawFrame(FrameType.ITEM, payload, id, COMPRESSED);
}

/** A text of so many characters that deflate makes much of. */
export function repetitive(length: number): string {
  return 'abcdefghij'.repeat(Math.ceil(length / 10)).slice(0, length);
}

/** Bytes that deflate makes nothing of. */
export function noise(bytes: number): Buffer {
  return randomBytes(bytes);
}

/** Ways for a compressed payload of the value to be wrong, and what is to be said of each. */
export function brokenPayloads(value: unknown): readonly [what: string, payload: Buffer, reason: RegExp][] {
  const plain = encoded(value);
  const whole: Buffer = deflateSync(plain);
  const flipped = Buffer.from(whole);
  flipped[flipped.length - 1]! ^= 1;
  return [
    ['garbage', compressedPayload(plain, plain.length, noise(100)), /it is corrupt: /],
    ['a wrong checksum', compressedPayload(plain, plain.length, flipped), /it is corrupt: incorrect data check/],
    ['no end', compressedPayload(plain, plain.length, whole.subarray(0, -5)), /it is corrupt: unexpected end of file/],
    [
      'more than announced',
      compressedPayload(plain, plain.length - 1),
      /to more than the \d+ bytes that were announced/,
    ],
    ['less than announced', compressedPayload(plain, plain.length + 1), /inflates to \d+ bytes, \d+ were announced/],
    [
      'bytes after its end',
      compressedPayload(plain, plain.length, Buffer.concat([whole, Buffer.alloc(7)])),
      /7 bytes follow/,
    ],
  ];
}
