import type { Call, Code, Progress, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/** The error of a call that a connection has, or would have, sent: with its names and where it went. */
export function callError(call: Call, code: Code, reason: string, progress: Progress, cause?: unknown): RpcError {
  const { service, method, destination } = call;
  return rpcError(code, reason, { service, method, endpoint: destination?.address, progress, cause });
}
