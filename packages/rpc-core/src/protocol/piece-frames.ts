import { FrameType, HEADER_BYTES, MORE } from './frame.js';
import { type FrameTarget, putHeader } from './frame-writer.js';

/** The first piece follows the length of the whole message: four bytes. */
const LENGTH_BYTES = 4;

/**
 * Appends the next piece of a message as one frame of at most `frameBytesMax` bytes.
 * @param message - the frame that the message would be in one piece, its header included
 * @param sentBytes - how much of its body has been appended before
 * @returns how much of its body has been appended with this one
 */
export function writePiece(target: FrameTarget, message: Buffer, sentBytes: number, frameBytesMax: number): number {
  const isFirst = sentBytes === 0;
  const bodyBytes = message.length - HEADER_BYTES;
  const headBytes = HEADER_BYTES + (isFirst ? LENGTH_BYTES : 0);
  const end = Math.min(bodyBytes, sentBytes + frameBytesMax - headBytes);
  const start = target.reserve(headBytes + end - sentBytes);
  const { bytes } = target.chunk;
  if (isFirst) bytes.writeUInt32BE(bodyBytes, start + HEADER_BYTES);
  target.position =
    start + headBytes + message.copy(bytes, start + headBytes, HEADER_BYTES + sentBytes, HEADER_BYTES + end);
  const more = end < bodyBytes ? MORE : 0;
  const id = message.readUInt32BE(6);
  if (isFirst) putHeader(target, start, message[4]!, message[5]! | more, id);
  else putHeader(target, start, FrameType.CONTINUATION, more, id);
  return end;
}

/** Whether a frame begins a message in pieces. */
export function beginsPieces(type: number, flags: number): boolean {
  if ((flags & MORE) === 0) return false;
  return (
    type === FrameType.REQUEST || type === FrameType.RESPONSE || type === FrameType.ERROR || type === FrameType.ITEM
  );
}
