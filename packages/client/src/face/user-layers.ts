import { isRpcError, type Layer } from '@org/rpc-core';
import { guardLayers } from '@org/rpc-core/internal';

/** The layers that a user gave, with what the library needs around them; nothing at all where there are none. */
export function userLayers(layers: readonly Layer[]): readonly Layer[] {
  return layers.length === 0 ? layers : [outermost, ...guardLayers(layers), innermost];
}

/**
 * What a user's layer throws reaches the caller as it is, and always as a rejection. An `RpcError` that it made belongs to this
 * call: a handler that lets it through must not pass for its maker.
 */
const outermost: Layer = (next) => (call) => {
  const failed = (error: unknown): never => {
    if (isRpcError(error)) {
      error.service ??= call.service;
      error.method ??= call.method;
    }
    throw error;
  };
  try {
    return Promise.resolve(next(call)).then(undefined, failed);
  } catch (error) {
    return Promise.reject(error).catch(failed);
  }
};

/** A user's layer may have waited, or calls for the second time: what follows must look at the clock. */
const innermost: Layer = (next) => (call) => {
  call.hasWaited = true;
  return next(call);
};
