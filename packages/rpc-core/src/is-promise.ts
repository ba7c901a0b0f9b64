/** Whether a value must be awaited: a promise of any make. An object with other data under `then` is none. */
export function isPromise(value: unknown): value is Promise<unknown> {
  if (value instanceof Promise) return true;
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
