import { createHash } from 'node:crypto';
import { serialize } from 'node:v8';
import { callContext } from '../context.js';
import type { Call } from '../service.js';

/** What says nothing of the question: it differs for every call. */
const OF_TRACES: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage']);

/** Keys of at most so many bytes are kept as they are, longer ones by their hash. */
const PLAIN_BYTES_MAX = 64;

/** Makes the key of a call: calls of the same key are answered alike. `undefined`: this one is like no other. */
export type CallKey = (call: Call) => string | undefined;

/**
 * The key of a call unless another one is given: its method, its arguments, its metadata but for traces, and who is being served here, for
 * on a server, and in what a handler calls, the answer may be that caller's alone. `undefined` for arguments that cannot be sent.
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
