import { assertFits, assertKnownOptions, assertNumber } from '../check.js';
import { type Clock, systemClock } from '../clock.js';
import type { Call, Layer } from '../service.js';
import { type CallKey, callKey } from './call-key.js';
import { methodFilter } from './method-filter.js';
import { packed, unpacked } from './packed.js';

/** Which results are remembered, for how long, and how many. */
export interface ResultCacheOptions {
  /** Methods whose results are remembered, such as `'catalog.find'`: give only methods that read. */
  readonly methods: readonly string[];
  /** How long a result may be reused, counted from the start of its call, in milliseconds, 1 to 2^31 - 1. */
  readonly ttlMs: number;
  /** The most results, 1 to 1,000,000, default 1,000; the least recently used are dropped first. */
  readonly maxEntries?: number | undefined;
  /** The most bytes of all results and keys, 1,024 to 2^31 - 1, default 16 MiB. */
  readonly maxBytes?: number | undefined;
  /** Which calls get the same answer. Default: same method, arguments, metadata (without traces) and, while serving a call, same caller. */
  readonly key?: CallKey | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
}

/** A cache of results. */
export interface ResultCache {
  /** The layer, for `layers.unary` of a client or a server. */
  readonly layer: Layer;
  /** Forgets everything. Results of calls now in flight are not remembered either. */
  clear(): void;
  /** The number of results, the bytes that they take, and how many calls were and were not answered from the cache. */
  readonly state: {
    readonly entries: number;
    readonly bytes: number;
    readonly hits: number;
    readonly misses: number;
  };
}

interface Entry {
  readonly bytes: Buffer;
  readonly endsAt: number;
  readonly cost: number;
}

/** The memory of an entry in bytes, besides its key and value. */
const ENTRY_BYTES = 200;

/**
 * Remembers results for a while: a call with the key of an earlier one is answered with a copy of its result, and is not sent. Not remembered
 * are errors, results that a copy would change, such as instances of classes, and single results larger than `maxBytes`.
 * @throws TypeError for a wrong option, naming option, value and bound
 * @example
 * ```ts
 * const cache = resultCache({ methods: ['catalog.find'], ttlMs: 5_000 });
 * const client = createClient({ layers: { unary: [cache.layer], stream: [] } });
 * ```
 */
export function resultCache(options: ResultCacheOptions): ResultCache {
  const where = 'resultCache';
  assertKnownOptions(where, options, ['methods', 'ttlMs', 'maxEntries', 'maxBytes', 'key', 'clock']);
  const { ttlMs, maxEntries = 1_000, maxBytes = 16 * 1024 * 1024, key = callKey, clock = systemClock } = options;
  assertNumber(where, 'ttlMs', ttlMs, { min: 1, max: 2 ** 31 - 1 });
  assertNumber(where, 'maxEntries', maxEntries, { min: 1, max: 1_000_000, integer: true });
  assertNumber(where, 'maxBytes', maxBytes, { min: 1_024, max: 2 ** 31 - 1, integer: true });
  assertFits(where, 'key', 'a function', key, typeof key === 'function');
  const isWanted = methodFilter(where, options.methods);
  const results = new Results(maxEntries, maxBytes);
  let hits = 0;
  let misses = 0;
  const layer: Layer = (next) => (call: Call) => {
    const name = isWanted(call) && !call.oneWay ? key(call) : undefined;
    if (name === undefined) return next(call);
    const now = clock.now();
    const known = results.get(name, now);
    if (known !== undefined) {
      hits++;
      return Promise.resolve(unpacked(known));
    }
    misses++;
    const { age } = results;
    return next(call).then((value) => {
      const bytes = packed(value);
      if (bytes !== undefined && age === results.age) results.set(name, bytes, now + ttlMs);
      return value;
    });
  };
  return {
    layer,
    clear: () => results.clear(),
    get state() {
      return { entries: results.size, bytes: results.bytes, hits, misses };
    },
  };
}

/** The results, the least recently used first. */
class Results {
  /** Counts how often everything was forgotten. */
  age = 0;
  bytes = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(name: string, now: number): Buffer | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#delete(name, entry);
    if (entry.endsAt <= now) return undefined;
    this.#add(name, entry);
    return entry.bytes;
  }

  set(name: string, bytes: Buffer, endsAt: number): void {
    const cost = bytes.length + 2 * name.length + ENTRY_BYTES;
    if (cost > this.#maxBytes) return;
    const before = this.#entries.get(name);
    if (before !== undefined) this.#delete(name, before);
    this.#add(name, { bytes, endsAt, cost });
    for (const [oldest, entry] of this.#entries) {
      if (this.size <= this.#maxEntries && this.bytes <= this.#maxBytes) return;
      this.#delete(oldest, entry);
    }
  }

  clear(): void {
    this.age++;
    this.bytes = 0;
    this.#entries.clear();
  }

  #add(name: string, entry: Entry): void {
    this.#entries.set(name, entry);
    this.bytes += entry.cost;
  }

  #delete(name: string, entry: Entry): void {
    this.#entries.delete(name);
    this.bytes -= entry.cost;
  }
}
