import type { EtcdAuth } from '@org/rpc';

/**
 * What may ail a server: each call waits a second and a half, fails, computes for 50 ms; a call computes for three seconds, every six; it has no
 * descriptor left; its garbage is collected, which takes long, every second; its memory fills until it dies; it dies of an error that nobody catches; its wall clock is an hour ahead.
 */
export type Trouble =
  | 'slow'
  | 'failing'
  | 'computing'
  | 'holding'
  | 'hoarding'
  | 'collecting'
  | 'leaking'
  | 'throwing'
  | 'jumping';

/** What a scenario starts with. */
export interface Setup {
  /** An etcd of three members in the place of one. */
  readonly cluster?: true;
  /** Lines between etcd on one side, clients and servers on the other, that can be cut. */
  readonly lines?: true;
  /** A line between clients and the first server, which can be made ill. */
  readonly path?: true;
  readonly etcdArgs?: readonly string[];
  /** Of the registrations; 5 in the short form and 15, the default, in the full one when left out. */
  readonly ttlSeconds?: number;
  /** What clients and servers give to etcd. */
  readonly auth?: EtcdAuth;
  /** What ails a server process from one SIGUSR2 to the next. */
  readonly trouble?: Trouble;
  /** What servers print goes to a disk that is full (`/dev/full`). */
  readonly logFull?: true;
  /** What lies on a disk that can be filled: the data of etcd, or what clients remember. */
  readonly disk?: 'etcd' | 'snapshots';
  /** Processes and servers in each; 2 and 2 when left out. */
  readonly servers?: { readonly processes: number; readonly each: number };
}
