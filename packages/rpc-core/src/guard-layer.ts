import { type RpcError, rpcError } from './error.js';
import { isPromise } from './is-promise.js';
import type { Call, Layer } from './service.js';
import type { StreamLayer } from './stream.js';

/**
 * Guards layers that a user wrote: a layer that forgets `return` would make every call resolve with `undefined`, far from the
 * mistake. Such a call fails with an `INTERNAL` that names the layer. A call that has no result below the layer, or failed there,
 * may have no result above it. A layer that wants to replace a result by nothing returns `null`.
 */
export function guardLayers(layers: readonly Layer[]): readonly Layer[] {
  return layers.map((layer, index) => guardLayer(layer, `layers.unary[${index}]`));
}

/** The same for layers of streams, which must return an iterable. */
export function guardStreamLayers(layers: readonly StreamLayer[]): readonly StreamLayer[] {
  return layers.map((layer, index) => (next) => {
    const service = layer(next);
    return (call, items) => {
      const result = service(call, items) as AsyncIterable<unknown> | undefined;
      if (result === undefined) throw returnedNothing(layer, `layers.stream[${index}]`, 'next(call, items)');
      return result;
    };
  });
}

function guardLayer(layer: Layer, place: string): Layer {
  return (next) => {
    /** The latest promise that the layer got, by call. */
    const given = new WeakMap<Call, Promise<unknown>>();
    const service = layer((call) => {
      const below = next(call);
      given.set(call, below);
      return below;
    });
    const failure = (): RpcError => returnedNothing(layer, place, 'next(call)');
    return (call) => {
      const result: unknown = service(call);
      if (isPromise(result))
        return result.then((value) => (value === undefined ? nothingBelow(given.get(call), failure) : value));
      if (result !== undefined) return result as Promise<unknown>;
      // The layer has dropped this promise: its rejection must not end the process.
      given.get(call)?.catch(() => {});
      throw failure();
    };
  };
}

/** @throws RpcError when the layer has dropped a result that it got from below */
async function nothingBelow(below: Promise<unknown> | undefined, failure: () => RpcError): Promise<undefined> {
  const result = await below?.catch(() => undefined);
  if (result !== undefined) throw failure();
}

function returnedNothing({ name }: { readonly name: string }, place: string, expected: string): RpcError {
  const shown = name === '' ? place : `${name} (${place})`;
  return rpcError(
    'INTERNAL',
    `the layer ${shown} returned nothing: it must return what ${expected} gives, or an answer`,
    { progress: 'processed' },
  );
}
