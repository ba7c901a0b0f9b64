import { FrameType, HEADER_BYTES, MORE } from '../src/frames/frame.js';
import { type RawFrame, rawFrame } from './raw-peer.js';

/** The frames of one message cut into pieces of these sizes; what is left over is the last one. */
export function inPieces(frame: Buffer, sizes: readonly number[], announced = frame.length - HEADER_BYTES): Buffer[] {
  const body = frame.subarray(HEADER_BYTES);
  const id = frame.readUInt32BE(6);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(announced);
  const frames: Buffer[] = [];
  let position = 0;
  for (const size of [...sizes, body.length]) {
    const piece = body.subarray(position, position + size);
    position += piece.length;
    const more = position < body.length ? MORE : 0;
    if (frames.length === 0) frames.push(rawFrame(frame[4]!, Buffer.concat([length, piece]), id, frame[5]! | MORE));
    else frames.push(rawFrame(FrameType.CONTINUATION, piece, id, more));
    if (more === 0) return frames;
  }
  return frames;
}

/** A further piece by itself. */
export function continuation(id: number, pieceBytes: number, flags = MORE): Buffer {
  return rawFrame(FrameType.CONTINUATION, Buffer.alloc(pieceBytes), id, flags);
}

/** Joins the messages among these frames that came in pieces, each where its last piece stood. */
export function joined(frames: readonly RawFrame[]): RawFrame[] {
  const open = new Map<number, RawFrame & { readonly length: number }>();
  const whole: RawFrame[] = [];
  for (const frame of frames) {
    const { type, flags, id, body } = frame;
    const before = open.get(id);
    if (type === FrameType.CONTINUATION) {
      if (before === undefined) throw new Error(`a piece of ${id}, which has not begun`);
      const next = { ...before, body: Buffer.concat([before.body, body]) };
      open.set(id, next);
      if ((flags & MORE) !== 0) continue;
      if (next.body.length !== next.length) throw new Error(`${next.body.length} bytes, announced as ${next.length}`);
      open.delete(id);
      whole.push({ type: next.type, flags: next.flags, id, body: next.body });
    } else if (before !== undefined && id !== 0) throw new Error(`frame type ${type} between the pieces of ${id}`);
    else if ((flags & MORE) !== 0 && type <= FrameType.ITEM)
      open.set(id, { type, flags: flags & ~MORE, id, body: body.subarray(4), length: body.readUInt32BE(0) });
    else whole.push(frame);
  }
  return whole;
}
