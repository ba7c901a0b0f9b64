import type { Limits } from '@org/rpc-core';
import type { Attachments } from './attachments.js';

/** A piece of memory to write into, with its view kept beside it: making a view costs more than a small message. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** Allocates a chunk of its own memory (never a slice of Node's shared pool). */
export function allocateChunk(bytes: number): Chunk {
  const memory = Buffer.allocUnsafeSlow(bytes);
  return { bytes: memory, view: new DataView(memory.buffer, memory.byteOffset, memory.byteLength) };
}

/** Where a codec appends: it writes at `position` and moves it; when there is no room it replaces `chunk` by a larger copy. */
export interface EncodeTarget {
  chunk: Chunk;
  position: number;
  /** @internal Takes large binaries without a copy. A codec need not use it. */
  readonly attachments?: Attachments;
}

/**
 * Reads exactly one value from `bytes[start, end)`; never looks beyond `end`, and keeps no reference to `bytes`, unless `mayKeep` says
 * that nothing else is or will be there: then a large binary may be a view of it.
 * @throws CodecError for any input that is not exactly one well-formed value within the limits
 */
export interface DecodeMessage {
  (bytes: Buffer, start: number, end: number, mayKeep?: boolean): unknown;
  /**
   * Estimate of the memory, in bytes, that the last decoded value takes beyond the bytes of its message: one byte of MessagePack
   * may become an object of 60. A server counts it against `inFlightRequestBytes`. Left out, messages count by their bytes alone.
   */
  readonly extraBytes?: number;
}

/** The seam between values and bytes. One value of this type may serve any number of connections. */
export interface Codec {
  /** Sent in HELLO; both sides must use codecs that write the same bytes. */
  readonly name: string;
  /**
   * Appends one value. On failure the target's position is as before.
   * @throws CodecError naming the path of what cannot be encoded in this format
   */
  encode(value: unknown, target: EncodeTarget): void;
  /** Makes a decoder with caches of its own: one for each connection, so that no peer fills another's. */
  createDecoder(limits: Limits): DecodeMessage;
}

/** A value that cannot be encoded, or bytes that cannot be decoded. The message says what and where. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  /**
   * Whether bytes are not one value of the format at all: cut off, with bytes left over, or of a kind that does not exist. An
   * honest peer never sends that. False for what is well-formed and not accepted here, such as one element more than the limits
   * allow: that fails one call only.
   */
  readonly malformed: boolean;

  /** @param malformed - false unless the bytes are none of the format (default false) */
  constructor(message: string, malformed = false) {
    super(message);
    this.malformed = malformed;
  }
}
