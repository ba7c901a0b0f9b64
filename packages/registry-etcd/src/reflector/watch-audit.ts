import type { KeyValue } from '../client/etcd-port.js';
import type { RangeList } from './list-range.js';

/** What a watch has reported of a range, as far as an audit needs it. */
export interface Told {
  /** How many keys there are. */
  size(): number;
  /** The revision at which a key was last written or deleted, 0 for one that was never reported. */
  revisionOf(key: string): number;
}

/**
 * The result of an audit: `agrees`; `doubtful`, which the next audit decides and which should follow soon; or `lost`, with the
 * keys that are known to differ. After a lost deletion there is one key too many, and nobody knows which one.
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
  /** How many keys the watch had reported when it came to changes after that read. */
  sizeThen: number | undefined;
}

/**
 * Compares what reads show with what a watch has reported, key by key. A difference may still be on its way, so the next read
 * decides: its answer comes over the same connection, behind everything that the watch had to report at the time of the first
 * read.
 */
export class WatchAudit {
  readonly #told: Told;
  /** Up to this revision the watch has reported everything. */
  #verified = 0;
  /** The revision of the latest change that was reported. */
  #latest = 0;
  #doubt: Doubt | undefined;

  constructor(told: Told) {
    this.#told = told;
  }

  /** The revision from which on changes have not been compared yet: a read needs to show those. */
  get since(): number {
    return this.#verified + 1;
  }

  /** Begins anew: everything is as it was listed at this revision. */
  reset(revision: number): void {
    this.#verified = revision;
    this.#latest = revision;
    this.#doubt = undefined;
  }

  /** Must be called before a change that a watch reports is applied. */
  telling(revision: number): void {
    const doubt = this.#doubt;
    if (doubt !== undefined && revision > doubt.revision) doubt.sizeThen ??= this.#told.size();
    if (revision > this.#latest) this.#latest = revision;
  }

  /** @param list - the whole range, except for keys that were last written before {@link WatchAudit.since} */
  judge(list: RangeList): Verdict {
    const before = this.#doubt;
    this.#doubt = undefined;
    const lost = before && this.#decide(before);
    if (lost !== undefined) return lost;
    const missed = [...list.entries.values()].filter((entry) => this.#isMissing(entry));
    this.#verified = Math.min(list.revision, ...missed.map(({ modRevision }) => modRevision - 1));
    // Changes after the read have changed the number since.
    const isMiscounted = this.#latest <= list.revision && list.count !== this.#told.size();
    if (missed.length === 0 && !isMiscounted) return { kind: 'agrees' };
    // With constant changes something is always on its way: two differences in a row would prove nothing.
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
