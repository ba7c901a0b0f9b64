import { plainAnswer } from '../transport/plain-answer.js';

/** What to answer to bytes that are not of the native protocol: what was expected, and what came. */
export function foreignAnswer(bytes: Buffer): { answer: Buffer; reason: string } {
  return plainAnswer(
    bytes,
    'this is a port of @org/rpc, which expects its own protocol (first byte 0xc1) or MessagePack-RPC',
  );
}
