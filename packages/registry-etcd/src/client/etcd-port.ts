/**
 * What went wrong with etcd, as far as it decides what to do next.
 *
 * - `unavailable`: not reachable, or it says that it has no leader.
 * - `deadline`: no answer in time; for a write, whether it happened is unknown.
 * - `denied`: no permission on the key, an expired token, or no user where one is asked for.
 * - `unauthenticated`: wrong user or password; etcd takes some 100 ms of a processor to find that out, by design.
 * - `exhausted`: out of space, or an answer larger than this client accepts.
 * - `compacted`: the revision that was asked for is no longer kept.
 * - `leaseNotFound`: the lease has expired or was revoked.
 */
export type EtcdErrorKind =
  | 'unavailable'
  | 'deadline'
  | 'denied'
  | 'unauthenticated'
  | 'exhausted'
  | 'compacted'
  | 'leaseNotFound'
  | 'other';

/** Whatever failed between this process and etcd. Its message never holds a password. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly kind: EtcdErrorKind;

  constructor(kind: EtcdErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Takes any thrown value for an {@link EtcdError}; what is none becomes one of kind `other`. */
export function asEtcdError(thrown: unknown): EtcdError {
  if (thrown instanceof EtcdError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new EtcdError('other', message, { cause: thrown });
}

/** One key with its value. */
export interface KeyValue {
  /** One character for each byte of the key. */
  readonly key: string;
  readonly value: Uint8Array;
  /** The revision of the store at which this value was written. */
  readonly modRevision: number;
  /** The lease that keeps the key, `'0'` for a key that stays for ever. */
  readonly leaseId: string;
}

/** A lease as etcd gave it; the time to live may be longer than what was asked. */
export interface GrantedLease {
  readonly id: string;
  readonly ttlSeconds: number;
}

/** The result of a conditional write: done at a revision, or refused because of what is there now. */
export type PutIfResult =
  | { readonly written: true; readonly revision: number }
  | { readonly written: false; readonly current: KeyValue | undefined };

/** Several writes, of which all happen or none. */
export interface Transaction {
  /** The condition: each of these keys was last written at its revision; 0 means that it does not exist. */
  readonly expected: readonly { readonly key: string; readonly modRevision: number }[];
  /** Without a lease; at most 2. */
  readonly puts: readonly { readonly key: string; readonly value: string }[];
  /** At most 100: etcd takes 128 operations in one transaction unless it was told otherwise. */
  readonly deletes: readonly string[];
}

/** Which keys: one when `rangeEnd` is left out, else all from `key` up to but without `rangeEnd`. */
export interface KeyRange {
  readonly key: string;
  readonly rangeEnd?: string | undefined;
}

/** One page of a read. It is linearizable: it sees every write that was answered before it was asked. */
export interface RangeRequest extends KeyRange {
  /** The most entries to return; etcd says {@link RangePage.more} when there are others. */
  readonly limit: number;
  /** Reads the past at this revision; the present when left out. */
  readonly revision?: number | undefined;
  /** Leaves the values empty. */
  readonly keysOnly?: boolean | undefined;
  /** Leaves out what was written last before this revision; it is counted all the same. */
  readonly minModRevision?: number | undefined;
}

/** The answer to a {@link RangeRequest}, ordered by key. */
export interface RangePage {
  readonly entries: readonly KeyValue[];
  readonly more: boolean;
  /** How many keys the whole range has, whatever the limit. */
  readonly count: number;
  /** The revision of the store when it answered. */
  readonly revision: number;
}

/** A change of one key. */
export type WatchEvent =
  | { readonly type: 'put'; readonly entry: KeyValue }
  | { readonly type: 'delete'; readonly key: string; readonly modRevision: number };

/** Who is told of changes. Neither function may throw. */
export interface WatchListener {
  /** @param revision - of the store; it also comes without events, as a sign of progress */
  onEvents(events: readonly WatchEvent[], revision: number): void;
  /** The watch is over, and nothing else is called after this. Not called after `close`. */
  onEnd(error: EtcdError): void;
}

/** Changes of a range from a revision on, that revision included. */
export interface WatchRequest extends KeyRange {
  readonly startRevision: number;
}

/** A watch in progress. */
export interface EtcdWatch {
  /** Ends it; the listener hears nothing more. Idempotent. */
  close(): void;
}

/**
 * All that this package asks of etcd. An implementation holds no policy: no retry, no backoff, no timer, one connection to one
 * host. Each call takes its own deadline in milliseconds from now and rejects with an {@link EtcdError} and nothing else.
 */
export interface EtcdPort {
  grant(ttlSeconds: number, deadlineMs: number): Promise<GrantedLease>;
  /** Renews a lease. Resolves with the seconds it has from now, 0 when there is no such lease. */
  keepAliveOnce(leaseId: string, deadlineMs: number): Promise<number>;
  /** Ends a lease and deletes its keys. Resolves too when there is no such lease. */
  revoke(leaseId: string, deadlineMs: number): Promise<void>;
  /** Writes a key whatever is there. Resolves with the revision of the write. */
  put(key: string, value: string, leaseId: string, deadlineMs: number): Promise<number>;
  /** Writes a key only if it was last written at `modRevision`, or does not exist when that is 0. */
  putIf(key: string, value: string, leaseId: string, modRevision: number, deadlineMs: number): Promise<PutIfResult>;
  /** Deletes a key only if this lease keeps it. Resolves with whether it did. */
  deleteIf(key: string, leaseId: string, deadlineMs: number): Promise<boolean>;
  /** Resolves with whether the writes were done. */
  transact(transaction: Transaction, deadlineMs: number): Promise<boolean>;
  range(request: RangeRequest, deadlineMs: number): Promise<RangePage>;
  /** Starts at once; a watch that cannot be started ends. */
  watch(request: WatchRequest, listener: WatchListener): EtcdWatch;
  /** Ends all watches (their listeners hear of it), then the connection. Idempotent. */
  close(): void;
}

/** Makes a port to one host. It loads what it needs and does no other I/O. */
export type ConnectEtcd = (host: string) => Promise<EtcdPort>;
