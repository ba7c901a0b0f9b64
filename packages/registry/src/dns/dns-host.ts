import { isIP, isIPv4 } from 'node:net';
import type { Clock } from '@org/rpc-core';
import type { DnsResolver } from './dns-resolver.js';
import { type SearchList, searchNames } from './dns-search.js';

/** The result of a question: records, the answer that there are none, or no answer. */
export type DnsAnswer<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly error: Error };

/** The addresses of a host. */
export interface HostAddresses {
  readonly addresses: readonly string[];
  /** For how long they may be kept, in seconds; `undefined` when nobody says. */
  readonly ttlSeconds: number | undefined;
  /** The family (4 or 6) for which there was no answer while there was one for the other. */
  readonly unanswered: 4 | 6 | undefined;
}

/** What questions are asked with. */
export interface DnsQuery {
  readonly resolver: DnsResolver;
  readonly clock: Clock;
  /** Of each question, in milliseconds. */
  readonly timeoutMs: number;
  readonly search: SearchList;
}

/**
 * Asks for the IPv4 and IPv6 addresses of a host at once, under each complete name that it may stand for; the first name that has
 * any counts. When DNS knows none, the operating system is asked, which knows `/etc/hosts`. For `localhost` only the operating
 * system is asked (RFC 6761). Never rejects.
 */
export async function resolveHost(query: DnsQuery, name: string): Promise<DnsAnswer<HostAddresses>> {
  if (isIP(name) !== 0) return found({ addresses: [name], ttlSeconds: undefined, unanswered: undefined });
  if (/^(.+\.)?localhost\.?$/i.test(name)) return lookUp(query, name);
  for (const candidate of searchNames(name, query.search)) {
    const answer = await resolveFamilies(query, candidate);
    // Without an answer the next name is not tried: it could be that of another host.
    if (answer.kind !== 'absent') return answer;
  }
  return lookUp(query, name);
}

/** Asks for service records, under each name that this one may stand for. Never rejects. */
export async function resolveFirst<T>(
  query: DnsQuery,
  name: string,
  ask: (name: string) => Promise<readonly T[]>,
): Promise<DnsAnswer<readonly T[]>> {
  for (const candidate of searchNames(name, query.search)) {
    const answer = await answerOf(query, ask(candidate));
    if (answer.kind !== 'absent') return answer;
  }
  return ABSENT;
}

/** A promise, or an error when it has not settled in time. */
export function inTime<T>(clock: Clock, timeoutMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = (): void => reject(new Error(`no answer within ${timeoutMs} ms`));
    const cancel = clock.schedule(timeoutMs, expire, true);
    promise.then(resolve, reject).finally(cancel);
  });
}

/**
 * How long the answer for one family may take after that for the other, in milliseconds. Some servers never answer for IPv6.
 * RFC 8305 gives 50 to a person who waits for one connection; here a family that is late is missing until the next time.
 */
const OTHER_FAMILY_MS = 250;
const ABSENT = Object.freeze({ kind: 'absent' });
/** What `node:dns` says of names that do not exist, or have no record of this type. */
const ABSENT_CODES: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME']);

interface FamilyRecords {
  readonly family: 4 | 6;
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

async function resolveFamilies(query: DnsQuery, name: string): Promise<DnsAnswer<HostAddresses>> {
  const asked = [askFamily(query, name, 4), askFamily(query, name, 6)] as const;
  const first = await Promise.race(asked);
  const late = first.kind === 'found' ? OTHER_FAMILY_MS : query.timeoutMs;
  const answers = await Promise.all(
    asked.map((answer) => inTime(query.clock, late, answer).catch((error: Error) => failed(error))),
  );
  const lists = answers.flatMap((answer) => (answer.kind === 'found' ? [answer.value] : []));
  const failure = answers.find((answer) => answer.kind === 'failed');
  if (lists.length === 0) return failure ?? ABSENT;
  return found({
    addresses: lists.flatMap(({ addresses }) => addresses),
    ttlSeconds: Math.min(...lists.map(({ ttlSeconds }) => ttlSeconds)),
    unanswered: failure === undefined ? undefined : lists[0]!.family === 4 ? 6 : 4,
  });
}

async function askFamily(query: DnsQuery, name: string, family: 4 | 6): Promise<DnsAnswer<FamilyRecords>> {
  const { resolver } = query;
  const answer = await answerOf(query, family === 4 ? resolver.resolve4(name) : resolver.resolve6(name));
  if (answer.kind !== 'found') return answer;
  const records = answer.value.filter(({ address }) => isIP(address) === family);
  const ttlSeconds = records.reduce((least, { ttl }) => Math.min(least, ttl), Number.POSITIVE_INFINITY);
  return found({ family, addresses: records.map(({ address }) => address), ttlSeconds });
}

async function lookUp(query: DnsQuery, name: string): Promise<DnsAnswer<HostAddresses>> {
  if (query.resolver.lookup === undefined) return ABSENT;
  const answer = await answerOf(query, query.resolver.lookup(name));
  if (answer.kind !== 'found') return answer;
  const addresses = answer.value.filter((address) => isIP(address) !== 0);
  return found({ addresses, ttlSeconds: undefined, unanswered: undefined });
}

async function answerOf<T>(query: DnsQuery, asked: Promise<readonly T[]>): Promise<DnsAnswer<readonly T[]>> {
  try {
    const value = await inTime(query.clock, query.timeoutMs, asked);
    return value.length === 0 ? ABSENT : found(value);
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    return ABSENT_CODES.has((error as NodeJS.ErrnoException).code) ? ABSENT : failed(error);
  }
}

function found<T>(value: T): DnsAnswer<T> {
  return { kind: 'found', value };
}

function failed(error: Error): DnsAnswer<never> {
  return { kind: 'failed', error };
}

/** The family of an address. */
export function familyOf(address: string): 4 | 6 {
  return isIPv4(address) ? 4 : 6;
}
