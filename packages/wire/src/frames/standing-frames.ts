import type { CallStanding } from '@org/rpc-core';
import { FrameType, HEADER_BYTES, ProtocolError } from './frame.js';
import { type FrameTarget, putHeader } from './frame-writer.js';
import { readUint32 } from './numbers.js';

/** What a STANDING says of a call: the first byte of its body. */
export const Standing = {
  /** It was not let in yet. */
  WAITING: 1,
  /** Layers and handler have it. */
  RUNNING: 2,
  /** It has ended, and its answer follows. The times are in microseconds. */
  DONE: 3,
} as const;

/** Body of a STANDING: what holds (u8), time since the call came (u32), time that it has waited (u32). */
export const STANDING_BYTES = 9;

/** In a millisecond. */
const MICROSECONDS = 1_000;

const U32_MAX = 0xffff_ffff;

/** Appends an ASK: where does this call stand? */
export function writeAsk(target: FrameTarget, id: number): void {
  const start = target.reserve(HEADER_BYTES);
  target.position = start + HEADER_BYTES;
  putHeader(target, start, FrameType.ASK, 0, id);
}

/** Appends a STANDING. */
export function writeStanding(target: FrameTarget, id: number, standing: Omit<CallStanding, 'at'>): void {
  const { isRunning, sinceMs, waitedMs, isDone } = standing;
  const unit = isDone === true ? MICROSECONDS : 1;
  const start = target.reserve(HEADER_BYTES + STANDING_BYTES);
  const { bytes } = target.chunk;
  const body = start + HEADER_BYTES;
  bytes[body] = isDone === true ? Standing.DONE : isRunning ? Standing.RUNNING : Standing.WAITING;
  bytes.writeUInt32BE(whole(sinceMs * unit), body + 1);
  bytes.writeUInt32BE(whole(waitedMs * unit), body + 5);
  target.position = body + STANDING_BYTES;
  putHeader(target, start, FrameType.STANDING, 0, id);
}

/**
 * Reads the body of a STANDING; bytes behind it are for later versions, and a call of which something else is said counts as
 * running.
 * @throws ProtocolError when it is cut short
 */
export function readStanding(bytes: Buffer, start: number, end: number, at: number): CallStanding {
  if (end - start < STANDING_BYTES) throw new ProtocolError(`a STANDING has 9 bytes, not ${end - start}`);
  const isDone = bytes[start] === Standing.DONE;
  const unit = isDone ? MICROSECONDS : 1;
  return {
    at,
    isRunning: bytes[start] !== Standing.WAITING,
    sinceMs: readUint32(bytes, start + 1) / unit,
    waitedMs: readUint32(bytes, start + 5) / unit,
    ...(isDone && { isDone }),
  };
}

function whole(time: number): number {
  return Math.min(U32_MAX, Math.max(0, Math.round(time)));
}
