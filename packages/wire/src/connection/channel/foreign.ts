import { plainAnswer } from '../../transport/plain-answer.js';
import type { Output } from './output.js';

/** What to answer to bytes that are not of the native protocol: what was expected, and what came. */
export function foreignAnswer(bytes: Buffer): { answer: Buffer; reason: string } {
  return plainAnswer(
    bytes,
    'this is a port of @org/rpc, which expects its own protocol (first byte 0xc1) or MessagePack-RPC',
  );
}

/** Appends that answer. Returns what came, for the books of this side. */
export function appendForeignAnswer(output: Output, bytes: Buffer): string {
  const { answer, reason } = foreignAnswer(bytes);
  output.position = output.reserve(answer.length) + answer.copy(output.chunk.bytes, output.position);
  return reason;
}
