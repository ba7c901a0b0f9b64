import { type Progress, type RpcError, rpcError } from '../error.js';
import type { Call } from '../service.js';

/** An error of a call of this client, with what is known of the call. */
export function callError(
  call: Call,
  code: RpcError['code'],
  reason: string,
  progress: Progress,
  cause?: unknown,
): RpcError {
  const { service, method, destination } = call;
  return rpcError(code, reason, { service, method, endpoint: destination?.address, progress, cause });
}
