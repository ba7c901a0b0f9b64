import { allocateChunk, type Chunk } from '../../codec/codec.js';

/** Large enough that a flush of 16 KiB leaves room for an ordinary message. */
export const POOLED_CHUNK_BYTES = 64 * 1024;

const POOL_SIZE = 32;

/** Output buffers of the process. A connection has one only while it has something to send: idle ones cost nothing. */
const pool: Chunk[] = [];

/** Takes an output buffer for a while. */
export function borrowChunk(): Chunk {
  return pool.pop() ?? allocateChunk(POOLED_CHUNK_BYTES);
}

/** Gives a borrowed buffer back. Nobody may read from it any more. */
export function returnChunk(chunk: Chunk): void {
  if (chunk.bytes.length === POOLED_CHUNK_BYTES && pool.length < POOL_SIZE) pool.push(chunk);
}
