import { isRpcError, type Layer, type Metadata } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/** What a client sends with every call: a value, or a function that is asked for each call. */
export type MetadataSource = Metadata | (() => Metadata | Promise<Metadata>);

/** Adds the client's metadata to a call. What the call itself gives goes before it. */
export function credentials(source: MetadataSource): Layer {
  return (next) => (call) => {
    let given: Metadata | Promise<Metadata>;
    try {
      given = typeof source === 'function' ? source() : source;
    } catch (error) {
      return Promise.reject(asError(error));
    }
    if (!(given instanceof Promise)) {
      call.metadata = { ...given, ...call.metadata };
      return next(call);
    }
    return given.then(
      (metadata) => {
        call.hasWaited = true;
        call.metadata = { ...metadata, ...call.metadata };
        return next(call);
      },
      (error: unknown) => {
        throw asError(error);
      },
    );
  };
}

function asError(error: unknown): Error {
  if (isRpcError(error)) return error;
  return rpcError(
    'UNAUTHENTICATED',
    `the client's metadata function failed: ${(error as Error)?.message ?? String(error)}`,
    { cause: error, progress: 'unsent' },
  );
}
