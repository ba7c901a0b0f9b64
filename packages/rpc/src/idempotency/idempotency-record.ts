import { createHash, randomBytes } from 'node:crypto';
import { type Call, DEFAULT_LIMITS, RpcError } from '@org/rpc-core';
import { type Codec, msgpack } from '@org/rpc-wire';

/** Results and details of errors of more bytes are not kept. */
const KEPT_BYTES_MAX = 1024 * 1024;

const CODEC: Codec = msgpack();
const RUNNING = 0;
const RESULT = 1;
const FAILURE = 2;
const TOO_LARGE = 3;

/** What a record says of a call: it runs, or this is how it has ended. */
export type Recorded =
  | { readonly is: 'other arguments' }
  | { readonly is: 'running' }
  | { readonly is: 'result'; readonly value: unknown }
  | { readonly is: 'failure'; readonly error: RpcError };

/** The fingerprint of a call: what was asked for. */
export function fingerprintOf({ service, method, args }: Call): string {
  return createHash('sha256')
    .update(encoded([service, method, args]))
    .digest('base64');
}

/** A record that the call runs here; no two are the same. */
export function claimOf(fingerprint: string): Uint8Array {
  return encoded([fingerprint, RUNNING, randomBytes(12)]);
}

/** A record of a result. */
export function resultRecord(fingerprint: string, value: unknown): Uint8Array {
  return bounded(fingerprint, [fingerprint, RESULT, value]);
}

/** A record of an error that the handler has answered with. */
export function failureRecord(fingerprint: string, { code, reason, details }: RpcError): Uint8Array {
  return bounded(fingerprint, [fingerprint, FAILURE, code, reason, details]);
}

/** Reads a record. @throws Error when it is none */
export function readRecord(fingerprint: string, record: Uint8Array): Recorded {
  const bytes = Buffer.from(record);
  const limits = { ...DEFAULT_LIMITS, messageBytes: 2 * KEPT_BYTES_MAX };
  const [whose, state, ...rest] = CODEC.createDecoder(limits)(bytes, 0, bytes.length) as unknown[];
  if (whose !== fingerprint) return { is: 'other arguments' };
  if (state === RUNNING) return { is: 'running' };
  if (state === RESULT) return { is: 'result', value: rest[0] };
  if (state === FAILURE) {
    const [code, reason, details] = rest;
    return { is: 'failure', error: new RpcError(code as never, String(reason), { details }) };
  }
  if (state !== TOO_LARGE) throw new TypeError('the record of an idempotency key makes no sense');
  const reason = 'a call with this key has run, and its result was too large to be kept';
  return { is: 'failure', error: new RpcError('FAILED_PRECONDITION', reason) };
}

function bounded(fingerprint: string, record: readonly unknown[]): Uint8Array {
  let bytes: Uint8Array | undefined;
  try {
    bytes = encoded(record);
  } catch {
    // The answer itself will say what is wrong with it.
  }
  return bytes === undefined || bytes.length > KEPT_BYTES_MAX ? encoded([fingerprint, TOO_LARGE]) : bytes;
}

function encoded(value: unknown): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(256);
  const target = {
    chunk: { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) },
    position: 0,
  };
  CODEC.encode(value, target);
  return Uint8Array.from(target.chunk.bytes.subarray(0, target.position));
}
