import type { Peer } from './context.js';
import type { MethodKind } from './contract-types.js';
import type { RpcError } from './error.js';
import type { Metadata } from './metadata.js';

/** What all records of calls have, on either side. */
export interface ObservedCall {
  /** Of this shape. Fields may be added within a version; a field that changes its meaning or goes away makes a new one. */
  readonly version: 1;
  /** `client` or `server`. */
  readonly side: 'client' | 'server';
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
  /** Whether nobody waits for an answer. */
  readonly oneWay: boolean;
  /** 0 to 255, higher is more important; 128 is usual. */
  readonly priority: number;
  /** When it began, in milliseconds since 1970, with fractions. */
  readonly startedAt: number;
  /** From there to its end, in milliseconds; `undefined` until it has ended. Measured on the monotonic clock. */
  readonly durationMs: number | undefined;
  /** How it failed; `undefined` after success, and until it has ended. */
  readonly error: RpcError | undefined;
  /** Items of a stream that went out so far on this side, and that came in; 0 for all other calls. */
  readonly itemsSent: number;
  readonly itemsReceived: number;
}

/** One attempt of a client's call: on the way to one endpoint. */
export interface ObservedAttempt {
  /** 0 for the first. */
  readonly number: number;
  /** From the beginning of its call to its own, in milliseconds: before the first one, that is what the limits of the client took. */
  readonly startMs: number;
  /**
   * From the beginning of its call until it was given to a connection, in milliseconds: what lies between `startMs` and this is the
   * wait for an endpoint that takes calls. `undefined` when it never was.
   */
  readonly sentMs: number | undefined;
  /** From the beginning of its call to the end of the attempt, in milliseconds; `undefined` until then. */
  readonly endMs: number | undefined;
  /** `host:port` or the path of a socket; `undefined` until one is chosen. */
  readonly endpoint: string | undefined;
  /** How it failed; `undefined` after success, and until it has ended. */
  readonly error: RpcError | undefined;
}

/** A call as its client sees it: one for all its attempts. */
export interface ObservedClientCall extends ObservedCall {
  readonly side: 'client';
  /** In the order in which they began; none when the client itself refused the call. */
  readonly attempts: readonly ObservedAttempt[];
  /** The endpoint of the last attempt. */
  readonly endpoint: string | undefined;
  /**
   * Sends an entry of metadata with what is sent from now on: a call's when it begins, or an attempt's. It goes before what the
   * caller gave under the same key.
   * @param key - in lower case
   */
  setMetadata(key: string, value: string): void;
}

/** A call as its server sees it. */
export interface ObservedServerCall extends ObservedCall {
  readonly side: 'server';
  readonly peer: Peer;
  /** What came with it. */
  readonly metadata: Metadata;
  /** The number of the client's attempt, 0 for the first. */
  readonly attempt: number;
  /** What the caller leaves it, in milliseconds, when it came; `Infinity` is no deadline. */
  readonly timeoutMs: number;
  /** From its beginning until its handler was entered, in milliseconds: authorization and queues. `undefined` when it never was. */
  readonly waitedMs: number | undefined;
  /**
   * Runs the user's layers and the handler inside `around`, for what lives in an `AsyncLocalStorage`: `around` must call what it is
   * given and return what that returns. Counts when it is set as the call begins; of several, the first is outermost.
   */
  enterWith(around: (run: () => unknown) => unknown): void;
}

/** What is published on the channel `org.rpc.client`. */
export type ClientObservation =
  | { readonly type: 'callStart'; readonly call: ObservedClientCall }
  | { readonly type: 'callEnd'; readonly call: ObservedClientCall }
  /** What `client.on` tells as well; `client` is the name of the client. */
  | { readonly type: 'event'; readonly client: string; readonly name: string; readonly event: unknown };

/** What is published on the channel `org.rpc.client.attempt`: an attempt has passed what refuses it, or has ended. */
export interface AttemptObservation {
  readonly type: 'attemptStart' | 'attemptEnd';
  readonly call: ObservedClientCall;
  readonly attempt: ObservedAttempt;
}

/** What is published on the channel `org.rpc.server`. */
export type ServerObservation =
  | { readonly type: 'callStart'; readonly call: ObservedServerCall }
  | { readonly type: 'callEnd'; readonly call: ObservedServerCall }
  /** What `server.on` tells as well; `server` is the id of the instance. */
  | { readonly type: 'event'; readonly server: string; readonly name: string; readonly event: unknown };
