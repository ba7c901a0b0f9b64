import { ProtocolError } from './frame.js';
import { readUint16 } from './numbers.js';

/** What a server says of how busy it is: calls in flight (u16), then how long calls wait for their turn, in 0.1 ms (u16). */
export const LOAD_BYTES = 4;

/** In place of a packed load: nothing is said. */
export const NO_LOAD = -1;

/** How busy a server has said that it is. One object for each connection, written over with each answer. */
export interface ServerLoad {
  /** Calls that it works on or lets wait, for all its clients. */
  inFlight: number;
  /** How long calls wait for their turn there, in milliseconds. */
  queueMs: number;
  /** When it said so, in the milliseconds of the client's clock; `-Infinity` when it has not yet. */
  at: number;
}

/** The load as one number; what is more than fits counts as the most that does. */
export function packLoad(inFlight: number, queueMs: number): number {
  return Math.min(inFlight, 0xffff) * 0x1_0000 + Math.min(Math.round(queueMs * 10), 0xffff);
}

/** Reads the load at `start`. @throws ProtocolError when it is cut short */
export function readLoad(into: ServerLoad, bytes: Buffer, start: number, end: number, at: number): void {
  if (start + LOAD_BYTES > end) throw new ProtocolError('a load is cut short');
  into.inFlight = readUint16(bytes, start);
  into.queueMs = readUint16(bytes, start + 2) / 10;
  into.at = at;
}
