/** Differences that are told of, and how deep they are looked for. */
const DIFFERENCES_MAX = 10;
const DEPTH_MAX = 16;

/**
 * Where two values differ: the paths of up to ten places, such as `items.0.price`, `''` for the whole. For values as they come over the
 * wire.
 */
export function differences(a: unknown, b: unknown): string[] {
  const found: string[] = [];
  compare(a, b, '', 0, found);
  return found;
}

function compare(a: unknown, b: unknown, path: string, depth: number, found: string[]): void {
  if (found.length >= DIFFERENCES_MAX || Object.is(a, b)) return;
  if (depth === DEPTH_MAX || !isComposite(a) || !isComposite(b) || kindOf(a) !== kindOf(b)) {
    found.push(path);
    return;
  }
  if (a instanceof Date || ArrayBuffer.isView(a)) {
    if (String(a instanceof Date ? a.getTime() : a) !== String(b instanceof Date ? b.getTime() : b)) found.push(path);
    return;
  }
  const [from, to] = [entriesOf(a), entriesOf(b)];
  for (const key of new Set([...from.keys(), ...to.keys()]))
    compare(from.get(key), to.get(key), path === '' ? String(key) : `${path}.${String(key)}`, depth + 1, found);
}

function isComposite(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value);
}

function entriesOf(value: object): Map<unknown, unknown> {
  return value instanceof Map ? value : new Map<unknown, unknown>(Object.entries(value));
}
