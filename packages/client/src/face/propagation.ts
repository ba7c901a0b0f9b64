import { assertKnownOptions, assertList, describeValue } from '@org/rpc-core/internal';

/**
 * Metadata keys of the call being served that are passed on with the calls that its handler makes:
 *
 * - a list of keys: `traceparent`, `baggage` and these
 * - `{ only: [...] }`: these and nothing else, so that `{ only: ['traceparent'] }` keeps the baggage here
 * - `false`: nothing, for services of other parties
 */
export type Propagation = readonly string[] | { readonly only: readonly string[] } | false;

/** The keys that are passed on by default: W3C Trace Context and W3C Baggage. */
export const DEFAULT_PROPAGATION: readonly string[] = ['traceparent', 'baggage'];

/**
 * The keys that an option of a client or service passes on, with the default in place.
 * @throws TypeError naming a wrong value
 */
export function propagatedKeys(where: string, propagate: Propagation | undefined): readonly string[] {
  if (propagate === undefined) return DEFAULT_PROPAGATION;
  if (propagate === false) return [];
  const isKey = (key: unknown): boolean => typeof key === 'string';
  if (Array.isArray(propagate)) {
    assertList(where, 'propagate', 'the keys of metadata', propagate, isKey);
    return [...new Set([...DEFAULT_PROPAGATION, ...propagate])];
  }
  if (typeof propagate !== 'object' || propagate === null || !('only' in propagate)) {
    const what = 'a list of the keys of metadata, { only: [...] } or false';
    throw new TypeError(`${where}: propagate must be ${what}, got ${describeValue(propagate)}`);
  }
  assertKnownOptions(`${where}: propagate`, propagate, ['only']);
  assertList(where, 'propagate.only', 'the keys of metadata', propagate.only, isKey);
  return [...propagate.only];
}
