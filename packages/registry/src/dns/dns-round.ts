import type { Clock } from '@org/rpc-core';
import { type Endpoint, endpointAddress } from '../endpoint.js';
import { DEFAULT_WEIGHT } from '../endpoint-data.js';
import { type DnsAnswer, type DnsQuery, familyOf, inTime, resolveFirst, resolveHost } from './dns-host.js';
import type { DnsResolver, ServiceRecord } from './dns-resolver.js';
import { NO_SEARCH } from './dns-search.js';

/** What is looked up: the addresses of a host, all with one port, or those of the targets of a service record. */
export type DnsQuestion =
  | { readonly kind: 'host'; readonly name: string; readonly port: number }
  | { readonly kind: 'srv'; readonly name: string };

/** The list that DNS gives. */
export interface DnsList {
  /** Frozen, ordered by id, none twice. */
  readonly endpoints: readonly Endpoint[];
  /** For how long it may be kept, in seconds; `undefined` when nobody says. */
  readonly ttlSeconds: number | undefined;
  /** How many addresses there were beyond the most that are taken. */
  readonly ignored: number;
}

/** The most addresses that are taken of one name: more of them must not fill this process. */
export const DNS_ADDRESSES_MAX = 10_000;

interface Target {
  readonly name: string;
  readonly port: number;
  /** Of all its addresses together; `undefined` gives each the usual one. */
  readonly weight: number | undefined;
}

/** Asks a question again and again, and remembers the last addresses of each host: they stay when there is no answer. */
export class DnsRounds {
  readonly #question: DnsQuestion;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** The addresses of each target in the last round. */
  #known: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(question: DnsQuestion, clock: Clock, timeoutMs: number) {
    this.#question = question;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks once. Never rejects. */
  async ask(resolver: DnsResolver): Promise<DnsAnswer<DnsList>> {
    const { name } = this.#question;
    const base = { resolver, clock: this.#clock, timeoutMs: this.#timeoutMs };
    const search = await inTime(this.#clock, this.#timeoutMs, resolver.searchList()).catch(() => NO_SEARCH);
    const query: DnsQuery = { ...base, search };
    if (this.#question.kind === 'host') {
      return this.#resolveAll(query, [{ name, port: this.#question.port, weight: undefined }]);
    }
    const records = await resolveFirst(query, name, (candidate) => resolver.resolveSrv(candidate));
    if (records.kind !== 'found') return records;
    // Targets are complete names already.
    return this.#resolveAll({ ...query, search: NO_SEARCH }, firstTargets(records.value));
  }

  async #resolveAll(query: DnsQuery, targets: readonly Target[]): Promise<DnsAnswer<DnsList>> {
    const known = new Map<string, readonly string[]>();
    let ttlSeconds: number | undefined;
    let failure: Error | undefined;
    let answered = false;
    await eachOf([...new Set(targets.map(({ name }) => name))], QUESTIONS_MAX, async (name) => {
      const before = this.#known.get(name) ?? [];
      const answer = await resolveHost(query, name);
      if (answer.kind === 'failed') {
        failure = answer.error;
        known.set(name, before);
      } else if (answer.kind === 'found') {
        const { addresses, unanswered } = answer.value;
        const kept = before.filter((address) => familyOf(address) === unanswered);
        known.set(name, [...new Set([...addresses, ...kept])]);
        ttlSeconds = Math.min(
          answer.value.ttlSeconds ?? Number.POSITIVE_INFINITY,
          ttlSeconds ?? Number.POSITIVE_INFINITY,
        );
        answered = true;
      }
    });
    if (!answered) return failure === undefined ? { kind: 'absent' } : { kind: 'failed', error: failure };
    this.#known = known;
    const all = endpointsOf(targets, known);
    const endpoints = all.slice(0, DNS_ADDRESSES_MAX);
    const ttl = ttlSeconds === Number.POSITIVE_INFINITY ? undefined : ttlSeconds;
    return { kind: 'found', value: { endpoints, ttlSeconds: ttl, ignored: all.length - endpoints.length } };
  }
}

/** Questions for targets that are asked at once. */
const QUESTIONS_MAX = 32;
const WEIGHT_MAX = 10_000;

/** The records of the lowest priority, with their weights in our range. A target of `.` says that there is no such service. */
function firstTargets(records: readonly ServiceRecord[]): readonly Target[] {
  const usable = records.filter(({ name, port }) => name !== '' && name !== '.' && port >= 1 && port <= 65_535);
  const priority = Math.min(...usable.map((record) => record.priority));
  const first = usable.filter((record) => record.priority === priority).slice(0, DNS_ADDRESSES_MAX);
  const heaviest = Math.max(...first.map(({ weight }) => weight));
  const scale = heaviest > WEIGHT_MAX ? WEIGHT_MAX / heaviest : 1;
  return first.map(({ name, port, weight }) => ({
    name,
    port,
    // A weight of 0 beside others means a small chance; when all are 0, all are equal (RFC 2782).
    weight: heaviest === 0 ? undefined : Math.max(1, Math.round(weight * scale)),
  }));
}

/** The addresses of a target share its weight. */
function endpointsOf(targets: readonly Target[], known: ReadonlyMap<string, readonly string[]>): readonly Endpoint[] {
  const byId = new Map<string, Endpoint>();
  for (const { name, port, weight } of targets) {
    const addresses = known.get(name) ?? [];
    const each = weight === undefined ? DEFAULT_WEIGHT : Math.max(1, Math.round(weight / addresses.length));
    for (const host of addresses) {
      const id = endpointAddress({ host, port });
      const weighed = Math.max(each, byId.get(id)?.weight ?? 0);
      byId.set(id, Object.freeze({ id, host, port, weight: weighed, state: 'up', isAnyInstance: true }));
    }
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Runs a task for each, so many at once. */
async function eachOf<T>(items: readonly T[], atOnce: number, run: (item: T) => Promise<void>): Promise<void> {
  const iterator = items.values();
  const worker = async (): Promise<void> => {
    for (const item of iterator) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
