import { Call, type Gate, isRpcError, type Layer } from '@org/rpc-core';
import { guardLayers } from '@org/rpc-core/internal';
import { belongsTo } from './name-call.js';

/** The layers of a user between two of the library's own; none where the user gave none. */
export function userLayers(layers: readonly Layer[]): readonly Layer[] {
  return layers.length === 0 ? layers : [outermost, ...guardLayers(layers), innermost];
}

/**
 * What a user's layer throws reaches the caller as it is, and always as a rejection. An `RpcError` that it made belongs to this
 * call: a handler that lets it through must not pass for its maker.
 */
const outermost: Layer = (next) => (call) => {
  const failed = (error: unknown): never => {
    throw isRpcError(error) ? belongsTo(call, error) : error;
  };
  try {
    return Promise.resolve(next(call)).then(undefined, failed);
  } catch (error) {
    return Promise.reject(error).catch(failed);
  }
};

/**
 * A user's layer may have waited, so that what follows must look at the clock. It may also call again while the first time is
 * still running, to hedge or to warm up: a call can be in one place only, so each such time is a call of its own.
 */
const innermost: Layer = (next) => (call) => {
  const own = call.callGate === undefined ? call : again(call);
  own.callGate = ENTERED;
  own.hasWaited = true;
  return next(own);
};

/** Stands in for the gates that the call is about to enter: from here on it is running. */
const ENTERED: Required<Gate> = { enter: () => undefined, settle: () => {} };

/** The same call once more, with gates, attempts and an outcome of its own. */
export function again(call: Call): Call {
  const copy = new Call(call.methodRef, call.args, call.oneWay);
  copy.createdAt = call.createdAt;
  copy.deadline = call.deadline;
  copy.attemptTimeoutMs = call.attemptTimeoutMs;
  copy.metadata = call.metadata;
  copy.signal = call.signal;
  copy.idempotent = call.idempotent;
  copy.priority = call.priority;
  copy.hashKey = call.hashKey;
  copy.waitForReady = call.waitForReady;
  copy.explanations = call.explanations;
  if (call.onSettled !== undefined) {
    copy.onSettled = (settled, outcome) => {
      const { onSettled } = call;
      // Of several answers the first one is reported.
      if (outcome === undefined) call.onSettled = undefined;
      onSettled?.(settled, outcome);
    };
  }
  return copy;
}
