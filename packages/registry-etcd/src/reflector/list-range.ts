import { asEtcdError, type KeyRange, type KeyValue, type RangePage, type RangeRequest } from '../client/etcd-port.js';

/** All of a range at one revision. */
export interface RangeList {
  /** By key. */
  readonly entries: Map<string, KeyValue>;
  readonly revision: number;
  /** How many keys the range has, including those that were not asked for. */
  readonly count: number;
  /** Whether there were more than were read. */
  readonly truncated: boolean;
}

/** Which part of a range is read; default all of it. */
export type Wanted = Pick<RangeRequest, 'keysOnly' | 'minModRevision'>;

/** Reads one page. */
export type ReadPage = (request: RangeRequest) => Promise<RangePage>;

/** The most entries that are read of one range; more of them in etcd must not fill this process. */
export const RANGE_ENTRIES_MAX = 50_000;

/**
 * Reads a whole range in pages of 500, all at the revision of the first. A page that is too large for one message (gRPC: 4 MiB)
 * is read in smaller ones.
 *
 * @throws EtcdError of a page, `compacted` too when it took so long that the revision is no longer kept
 */
export async function listRange(range: KeyRange, read: ReadPage, wanted: Wanted = {}): Promise<RangeList> {
  const entries = new Map<string, KeyValue>();
  let { key } = range;
  let revision: number | undefined;
  let count = 0;
  let limit = PAGE_ENTRIES;
  for (;;) {
    let page: RangePage;
    try {
      page = await read({ key, rangeEnd: range.rangeEnd, limit, revision, ...wanted });
    } catch (error) {
      if (asEtcdError(error).kind !== 'exhausted' || limit === 1) throw error;
      limit = Math.max(1, Math.floor(limit / PAGE_SHRINK));
      continue;
    }
    if (revision === undefined) ({ revision, count } = page);
    for (const entry of page.entries) entries.set(entry.key, entry);
    const last = page.entries.at(-1);
    if (!page.more || last === undefined) return { entries, revision, count, truncated: false };
    if (entries.size >= RANGE_ENTRIES_MAX) return { entries, revision, count, truncated: true };
    key = `${last.key}\0`;
  }
}

const PAGE_ENTRIES = 500;
const PAGE_SHRINK = 8;
