import type { KeyValue } from '../client/etcd-port.js';
import type { RangeList } from './list-range.js';

/** What a watch has made of a range, as far as an audit looks at it. */
export interface Told {
  /** How many keys there are. */
  size(): number;
  /** When a key was written or deleted last, 0 for one that was never told of. */
  revisionOf(key: string): number;
}

/**
 * What an audit came to: `agrees`; `doubtful`, which the next audit decides and which should follow soon; or `lost`, with
 * those keys that are known to differ. A deletion of which nothing was told leaves a key too many, and nobody knows which one.
 */
export type Verdict =
  | { readonly kind: 'agrees' | 'doubtful' }
  | { readonly kind: 'lost'; readonly keys: readonly string[] };

interface Doubt {
  /** The revision of the read that raised it. */
  readonly revision: number;
  readonly missed: readonly KeyValue[];
  /** How many keys there were; `undefined` when that number is not in doubt. */
  readonly count: number | undefined;
  /** How many the watch had told of when it came to what was written after that read. */
  sizeThen: number | undefined;
}

/**
 * Compares what reads show with what a watch has told, key by key. What differs may still be on its way, so it is judged by the next
 * read: its answer comes over the same connection, behind all that the watch had to tell when the first one was made.
 */
export class WatchAudit {
  readonly #told: Told;
  /** Up to here the watch has told everything. */
  #verified = 0;
  /** Of the latest change that was told. */
  #latest = 0;
  #doubt: Doubt | undefined;

  constructor(told: Told) {
    this.#told = told;
  }

  /** From which revision on changes have not been compared yet: what a read needs to show. */
  get since(): number {
    return this.#verified + 1;
  }

  /** All is as it was listed at this revision. */
  reset(revision: number): void {
    this.#verified = revision;
    this.#latest = revision;
    this.#doubt = undefined;
  }

  /** Must be called before a change is applied that a watch tells of. */
  telling(revision: number): void {
    const doubt = this.#doubt;
    if (doubt !== undefined && revision > doubt.revision) doubt.sizeThen ??= this.#told.size();
    if (revision > this.#latest) this.#latest = revision;
  }

  /** @param list - the whole range, but those keys of it that were written before {@link WatchAudit.since} */
  judge(list: RangeList): Verdict {
    const before = this.#doubt;
    this.#doubt = undefined;
    const lost = before && this.#decide(before);
    if (lost !== undefined) return lost;
    const missed = [...list.entries.values()].filter((entry) => this.#isMissing(entry));
    this.#verified = Math.min(list.revision, ...missed.map(({ modRevision }) => modRevision - 1));
    // What was told after the read has changed the number since.
    const isMiscounted = this.#latest <= list.revision && list.count !== this.#told.size();
    if (missed.length === 0 && !isMiscounted) return { kind: 'agrees' };
    // Where changes follow each other all the time, something is always on its way: twice in a row would tell nothing.
    if (before !== undefined) return { kind: 'agrees' };
    const count = isMiscounted ? list.count : undefined;
    this.#doubt = { revision: list.revision, missed, count, sizeThen: undefined };
    return { kind: 'doubtful' };
  }

  #decide({ missed, count, sizeThen }: Doubt): Verdict | undefined {
    const keys = missed.filter((entry) => this.#isMissing(entry)).map(({ key }) => key);
    const isMiscounted = count !== undefined && (sizeThen ?? this.#told.size()) !== count;
    return keys.length > 0 || isMiscounted ? { kind: 'lost', keys } : undefined;
  }

  #isMissing({ key, modRevision }: KeyValue): boolean {
    return this.#told.revisionOf(key) < modRevision;
  }
}
