import { deserialize, serialize } from 'node:v8';

/** How deep a value is checked. */
const DEPTH_MAX = 100;

/**
 * The bytes of a value, from which {@link unpacked} makes a new copy each time, so that nobody can change the copies of others. `undefined` for
 * values that would come back changed: instances of classes, functions, cycles.
 */
export function packed(value: unknown): Buffer | undefined {
  try {
    return comesBack(value, 0) ? serialize(value) : undefined;
  } catch {
    return undefined;
  }
}

/** A copy of what was packed. */
export function unpacked(bytes: Buffer): unknown {
  return deserialize(bytes);
}

function comesBack(value: unknown, depth: number): boolean {
  if (typeof value === 'function' || typeof value === 'symbol' || depth > DEPTH_MAX) return false;
  if (typeof value !== 'object' || value === null) return true;
  const all = (values: Iterable<unknown>): boolean => {
    for (const each of values) if (!comesBack(each, depth + 1)) return false;
    return true;
  };
  const kind: unknown = Object.getPrototypeOf(value);
  switch (kind) {
    case Object.prototype:
      return all(Object.values(value));
    case Array.prototype:
      return all(value as unknown[]);
    case Map.prototype:
      return all((value as Map<unknown, unknown>).keys()) && all((value as Map<unknown, unknown>).values());
    case Set.prototype:
      return all(value as Set<unknown>);
    case Date.prototype:
      return true;
    default:
      return ArrayBuffer.isView(value);
  }
}
