import { createHash } from 'node:crypto';
import { serialize } from 'node:v8';
import { callContext } from '../context.js';
import type { Call } from '../service.js';

/** Metadata keys that differ for every call and say nothing about the request. */
const OF_TRACES: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage']);

/** Keys of at most this many bytes are kept as they are, longer ones as their hash. */
const PLAIN_BYTES_MAX = 64;

/** Makes the key of a call: calls with the same key get the same answer. `undefined`: the call shares its answer with no other. */
export type CallKey = (call: Call) => string | undefined;

/**
 * The default key of a call: its method, its arguments, its metadata without traces, and the caller being served. On a server, and in calls
 * that a handler makes, the answer may be for that caller only. `undefined` for arguments that cannot be sent.
 */
export function callKey({ service, method, args, metadata }: Call): string | undefined {
  const peer = callContext()?.peer;
  const texts = Object.entries(metadata ?? {})
    .filter(([key]) => !OF_TRACES.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const caller = peer?.identity ?? peer?.address.replace(/:\d+$/, '');
  let bytes: Buffer;
  try {
    bytes = serialize([service, method, caller, texts, args]);
  } catch {
    return undefined;
  }
  return bytes.length <= PLAIN_BYTES_MAX
    ? bytes.toString('latin1')
    : createHash('sha256').update(bytes).digest('base64');
}
