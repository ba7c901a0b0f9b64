import type { CallStanding, DownstreamCall } from '@org/rpc-core';
import { plainText } from '@org/rpc-core/internal';
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

/** Behind it, of a call whose handler waits for one of its own: for how long (u32), then the lengths of its service, method and instance (u8 each). */
const DOWNSTREAM_HEAD_BYTES = 7;

/** What is longer is left out. */
const NAME_BYTES_MAX = 255;

const DOWNSTREAM_BYTES_MAX = DOWNSTREAM_HEAD_BYTES + 3 * NAME_BYTES_MAX;

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
export function writeStanding(target: FrameTarget, id: number, standing: Omit<CallStanding, 'at' | 'before'>): void {
  const { isRunning, sinceMs, waitedMs, isDone, downstream } = standing;
  const unit = isDone === true ? MICROSECONDS : 1;
  const start = target.reserve(HEADER_BYTES + STANDING_BYTES + (downstream === undefined ? 0 : DOWNSTREAM_BYTES_MAX));
  const { bytes } = target.chunk;
  const body = start + HEADER_BYTES;
  bytes[body] = isDone === true ? Standing.DONE : isRunning ? Standing.RUNNING : Standing.WAITING;
  bytes.writeUInt32BE(whole(sinceMs * unit), body + 1);
  bytes.writeUInt32BE(whole(waitedMs * unit), body + 5);
  target.position = body + STANDING_BYTES;
  if (downstream !== undefined) target.position = putDownstream(bytes, target.position, downstream);
  putHeader(target, start, FrameType.STANDING, 0, id);
}

/** @returns where it ends */
function putDownstream(bytes: Buffer, at: number, downstream: NonNullable<CallStanding['downstream']>): number {
  bytes.writeUInt32BE(whole(downstream.sinceMs), at);
  let end = at + DOWNSTREAM_HEAD_BYTES;
  for (const [place, text] of namesOf(downstream).entries()) {
    const length = text === undefined || Buffer.byteLength(text) > NAME_BYTES_MAX ? 0 : bytes.write(text, end);
    bytes[at + 4 + place] = length;
    end += length;
  }
  return end;
}

function namesOf({ service, method, instance }: DownstreamCall): readonly (string | undefined)[] {
  return [service, method, instance];
}

/**
 * Reads the body of a STANDING; bytes behind what is known are for later versions, and a call of which something else is said counts as
 * running.
 * @throws ProtocolError when it is cut short
 */
export function readStanding(bytes: Buffer, start: number, end: number, at: number): CallStanding {
  if (end - start < STANDING_BYTES) throw new ProtocolError(`a STANDING has 9 bytes, not ${end - start}`);
  const isDone = bytes[start] === Standing.DONE;
  const isRunning = bytes[start] !== Standing.WAITING;
  const unit = isDone ? MICROSECONDS : 1;
  const sinceMs = readUint32(bytes, start + 1) / unit;
  const waitedMs = readUint32(bytes, start + 5) / unit;
  const downstream = isRunning && !isDone ? readDownstream(bytes, start + STANDING_BYTES, end) : undefined;
  return { at, isRunning, sinceMs, waitedMs, ...(isDone && { isDone }), ...(downstream && { downstream }) };
}

/** Reads what a handler waits for; `undefined` where nothing is said, or what is said does not fit. */
function readDownstream(bytes: Buffer, start: number, end: number): CallStanding['downstream'] {
  let at = start + DOWNSTREAM_HEAD_BYTES;
  if (at > end) return undefined;
  const names: string[] = [];
  for (let place = 0; place < 3; place++) {
    const length = bytes[start + 4 + place]!;
    if (at + length > end) return undefined;
    names.push(plainText(bytes.toString('utf8', at, at + length)));
    at += length;
  }
  const [service, method, instance] = names as [string, string, string];
  if (service === '' || method === '') return undefined;
  return { service, method, ...(instance !== '' && { instance }), sinceMs: readUint32(bytes, start) };
}

function whole(time: number): number {
  return Math.min(U32_MAX, Math.max(0, Math.round(time)));
}
