import type { MethodKind, ServiceDefinition } from './contract-types.js';

/** Whether items travel in one direction or both. */
export function isStreamKind(kind: MethodKind): boolean {
  return kind !== 'unary' && kind !== 'notify';
}

/** The layers that the user gave one side. */
export interface GivenLayers {
  readonly layers: readonly unknown[];
  /** `undefined` when layers for streams were not given. */
  readonly streamLayers: readonly unknown[] | undefined;
}

/**
 * Refuses a contract with streams when layers were given for unary methods only: a layer that must see every call, such as an
 * authorization, would not see the streams.
 * @throws TypeError that says what to write
 */
export function assertLayersFit(where: string, { name, methods }: ServiceDefinition, given: GivenLayers): void {
  if (given.layers.length === 0 || given.streamLayers !== undefined) return;
  const method = Object.keys(methods).find((key) => isStreamKind(methods[key]!.kind));
  if (method === undefined) return;
  throw new TypeError(
    `${where}: "${name}.${method}" is a ${methods[method]!.kind} method, and layers.unary do not see it; give layers.stream too, [] when streams need none`,
  );
}
