import { isRpcError, type RpcError } from '@org/rpc-core';
import { randomId, rpcError } from '@org/rpc-core/internal';

/** What a caller may see of an error, and the id under which the server's log has the rest. */
export interface Presentable {
  readonly error: RpcError;
  /** Set when the caller sees less than was thrown. */
  readonly correlationId: string | undefined;
}

/**
 * Turns what a handler threw into what its caller may see. An `RpcError` that the handler made says what it meant to say. One
 * that came out of a call of its own names somebody else's services, and anything else may hold secrets: of those the caller
 * learns an id, nothing more.
 */
export function presentable(thrown: unknown): Presentable {
  const cameFromItsOwnCall = isRpcError(thrown) && thrown.service !== undefined;
  if (isRpcError(thrown) && !cameFromItsOwnCall) return { error: thrown, correlationId: undefined };
  const correlationId = randomId();
  return {
    error: rpcError('INTERNAL', `the handler failed; the server's log has the reason under ${correlationId}`, {
      progress: 'processed',
    }),
    correlationId,
  };
}
