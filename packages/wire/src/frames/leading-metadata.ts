import type { Limits, Metadata } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { DecodeMessage } from '../codec/codec.js';
import { createScanner } from '../codec/scanner.js';
import { encodeMetadata } from './metadata.js';

/**
 * Reads the metadata of a MessagePack-RPC call whose parameters `bytes[start, end)` begin with them, and nothing that follows:
 * the call is not authorized yet.
 * @throws RpcError when the first parameter is no map of texts within the limits
 */
export function readLeadingMetadata(
  decode: DecodeMessage,
  bytes: Buffer,
  start: number,
  end: number,
  limits: Limits,
): Metadata {
  try {
    const first = start + arrayHeaderBytes(bytes[start]!);
    if (first === start || first >= end) throw new TypeError('there is none');
    const next = createScanner({ ...limits, messageBytes: limits.metadataBytes }).push(bytes, first, end);
    const value = decode(bytes, first, next);
    if (!isPlainMap(value)) throw new TypeError('it is something else');
    encodeMetadata(value as Metadata, limits);
    return Object.assign(Object.create(null) as Record<string, string>, value);
  } catch (error) {
    const reason = `the first parameter must be a map of texts, the metadata: ${(error as Error).message}`;
    throw rpcError('INVALID_ARGUMENT', reason, { progress: 'refused' });
  }
}

/** How long the header is that begins with this byte, 0 when it is not that of an array. */
function arrayHeaderBytes(byte: number): number {
  if (byte > 0x90 && byte <= 0x9f) return 1;
  if (byte === 0xdc) return 3;
  return byte === 0xdd ? 5 : 0;
}

function isPlainMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
