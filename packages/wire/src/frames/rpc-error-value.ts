import type { RpcError } from '@org/rpc-core';
import { isCode, rpcError } from '@org/rpc-core/internal';

const CODE_AND_REASON = /^([A-Z_]+): ([\s\S]*)$/;

/** Reasons are read by people. */
const REASON_LENGTH_MAX = 4096;

/**
 * What stands in the error slot of a MessagePack-RPC answer as an error of ours: a text, `[code, text]`, or anything else. The
 * code is `UNKNOWN` unless the text begins with one of ours; `details` has the value as it came.
 */
export function errorFromValue(value: unknown): RpcError {
  const text = textOf(value) ?? (Array.isArray(value) ? textOf(value[1]) : undefined);
  const reason = (text ?? 'the server answered with an error that is no text; see details').slice(0, REASON_LENGTH_MAX);
  const [, code, rest] = CODE_AND_REASON.exec(reason) ?? [];
  const facts = { details: value, progress: 'processed' } as const;
  return isCode(code) ? rpcError(code, rest ?? '', facts) : rpcError('UNKNOWN', reason, facts);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString() : undefined;
}
