import { assertObject, describeValue } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { readEndpoint } from '@org/rpc-registry/internal';

/** What a value holds: an endpoint, or the reason why it is none. */
export type ParsedInstance =
  | { readonly endpoint: Endpoint; readonly problem?: undefined }
  | { readonly endpoint?: undefined; readonly problem: string };

/**
 * The form of the values that this version writes and reads. New fields do not change it; it grows when old readers must not read
 * the value.
 */
export const INSTANCE_SCHEMA = 1;

/** What is stored for an endpoint: JSON that a person can read and write. */
export function formatInstanceValue(endpoint: Endpoint): string {
  return JSON.stringify({ schema: INSTANCE_SCHEMA, ...endpoint });
}

/**
 * Reads what is stored for an instance. Anybody may have written it: everything is checked, and unknown fields are left out.
 *
 * @param instanceId - the id in the key; a value that says another one is refused
 */
export function parseInstanceValue(value: Uint8Array, instanceId: string): ParsedInstance {
  if (value.length > VALUE_BYTES_MAX) return { problem: `${value.length} bytes are more than ${VALUE_BYTES_MAX}` };
  try {
    const data: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value));
    return { endpoint: readData(data, instanceId) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** An endpoint is some hundred bytes; tags may make it some ten thousand. */
const VALUE_BYTES_MAX = 64 * 1024;

/** It accepts entries that were written by hand and hold only an address. */
function readData(data: unknown, instanceId: string): Endpoint {
  const where = 'value';
  assertObject(where, 'it', data);
  const { schema = INSTANCE_SCHEMA, id = instanceId } = data;
  if (schema !== INSTANCE_SCHEMA) {
    throw new TypeError(
      `${where}: schema must be ${INSTANCE_SCHEMA}, got ${describeValue(schema)}; a newer version wrote it`,
    );
  }
  if (id !== instanceId) {
    throw new TypeError(`${where}: id must be that of its key, ${describeValue(instanceId)}, got ${describeValue(id)}`);
  }
  return readEndpoint(where, { ...data, id });
}
