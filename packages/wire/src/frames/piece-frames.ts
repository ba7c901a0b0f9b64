import { FrameType, HEADER_BYTES, MORE, PIECE_BYTES, WHOLE_BYTES_MAX } from './frame.js';

/** The first piece follows the length of the whole message: four bytes. */
export const PIECE_LENGTH_BYTES = 4;

/**
 * Where the next piece of a message ends after `sentBytes` of its body: with its header a piece has `PIECE_BYTES`. The last one takes a little
 * more with it, which would be a piece of next to nothing: a binary of a round length and its head.
 */
export function pieceEnd(bodyBytes: number, sentBytes: number): number {
  const end = sentBytes + PIECE_BYTES - HEADER_BYTES - (sentBytes === 0 ? PIECE_LENGTH_BYTES : 0);
  return bodyBytes - end <= WHOLE_BYTES_MAX - PIECE_BYTES ? bodyBytes : end;
}

/**
 * Writes what precedes a piece, up to `at`: its header and, before the first one, the length of the whole.
 * @param head - of the message as one frame: its header at least
 * @param bodyBytes - how long the whole body is
 * @param sentBytes - how much of its body has been sent before
 * @returns where it begins
 */
export function putPieceHeader(bytes: Buffer, at: number, head: Buffer, bodyBytes: number, sentBytes: number): number {
  const isFirst = sentBytes === 0;
  const end = pieceEnd(bodyBytes, sentBytes);
  const more = end < bodyBytes ? MORE : 0;
  const start = at - HEADER_BYTES - (isFirst ? PIECE_LENGTH_BYTES : 0);
  if (isFirst) bytes.writeUInt32BE(bodyBytes, start + HEADER_BYTES);
  bytes.writeUInt32BE(end - sentBytes + (isFirst ? PIECE_LENGTH_BYTES : 0), start);
  bytes[start + 4] = isFirst ? head[4]! : FrameType.CONTINUATION;
  bytes[start + 5] = (isFirst ? head[5]! : 0) | more;
  head.copy(bytes, start + 6, 6, HEADER_BYTES);
  return start;
}

/** The longest that precedes a piece. */
export const PIECE_HEADER_BYTES_MAX: number = HEADER_BYTES + PIECE_LENGTH_BYTES;

/** Whether a frame begins a message in pieces. */
export function beginsPieces(type: number, flags: number): boolean {
  if ((flags & MORE) === 0) return false;
  return (
    type === FrameType.REQUEST || type === FrameType.RESPONSE || type === FrameType.ERROR || type === FrameType.ITEM
  );
}
