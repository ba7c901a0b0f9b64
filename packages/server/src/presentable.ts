import { isRpcError, type RpcError } from '@org/rpc-core';
import { randomId, rpcError } from '@org/rpc-core/internal';
import type { IncomingCall } from '@org/rpc-wire/internal';

/** What a caller may see of an error, and the id under which the server's log has the rest. */
export interface Presentable {
  readonly error: RpcError;
  /** Set when the caller sees less than was thrown, or nothing. */
  readonly correlationId: string | undefined;
}

/**
 * Turns what a handler threw into what its caller may see. An `RpcError` that the handler made says what it meant to say. One
 * that came out of a call of its own names somebody else's services, and anything else may hold secrets: of those the caller
 * learns an id, nothing more. What nobody waits for, the error of a one-way call, gets an id too, so that it is seen at all;
 * but not that it was refused, which any peer could make happen any number of times.
 */
export function presentable(thrown: unknown, call: Pick<IncomingCall, 'oneWay' | 'started'>): Presentable {
  if (isOwnError(thrown)) return { error: thrown, correlationId: call.oneWay && call.started ? randomId() : undefined };
  const correlationId = randomId();
  return {
    error: rpcError('INTERNAL', `the handler failed; the server's log has the reason under ${correlationId}`, {
      progress: 'processed',
    }),
    correlationId,
  };
}

/** Whether a handler has made this error itself. A handler may throw anything, also what throws when it is looked at. */
function isOwnError(thrown: unknown): thrown is RpcError {
  try {
    return isRpcError(thrown) && thrown.service === undefined;
  } catch {
    return false;
  }
}
