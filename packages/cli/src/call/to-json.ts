/**
 * A result as JSON, of values too that JSON does not know: binary as base64, big integers as decimal strings, no result as
 * `null`. MessagePack gives neither cycles nor functions.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value ?? null, replace, 2);
}

/** `this` is the object that holds the value: a Buffer has become `{ type, data }` by the time it arrives as the value. */
function replace(this: unknown, key: string, value: unknown): unknown {
  const held = (this as Readonly<Record<string, unknown>>)[key];
  if (held instanceof Uint8Array) return Buffer.from(held.buffer, held.byteOffset, held.byteLength).toString('base64');
  if (typeof value === 'bigint') return value.toString();
  return value;
}
