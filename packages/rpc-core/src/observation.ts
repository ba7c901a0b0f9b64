import type { Peer } from './context.js';
import type { MethodKind } from './contract-types.js';
import type { Trial } from './destination.js';
import type { RpcError } from './error.js';
import type { Metadata } from './metadata.js';
import type { PhaseTimes } from './time-spent.js';

/** What the records of calls on both sides have in common. */
export interface ObservedCall {
  /**
   * The version of this shape. Fields may be added within a version; removing one or changing what it means makes a new version.
   */
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
  /** When the call began, in milliseconds since 1970, with fractions. */
  readonly startedAt: number;
  /** From start to end, in milliseconds; `undefined` until it has ended. Measured on the monotonic clock. */
  readonly durationMs: number | undefined;
  /** How it failed; `undefined` after success, and until it has ended. */
  readonly error: RpcError | undefined;
  /** How many items of a stream this side has sent and received so far; 0 for all other calls. */
  readonly itemsSent: number;
  readonly itemsReceived: number;
  /** Where the time of the items went that this side received or sent; `undefined` for a direction in which none go. */
  readonly received: ObservedItems | undefined;
  readonly sent: ObservedItems | undefined;
}

/** Where the time of the items of a stream went in one direction, as one side sees it, in milliseconds. */
export interface ObservedItems {
  /** When the first one came, after the call began: from the other side, or from the source here; `undefined` until then. */
  readonly firstMs: number | undefined;
  /** How long the next one was waited for: of received ones, by their reader; of sent ones, for their source. */
  readonly awaitedMs: number;
  /**
   * How long no next one was asked for since the first: of received ones, as their reader was busy; of sent ones, as they had to wait for the
   * credit that the other side gives, or for the connection.
   */
  readonly heldMs: number;
}

/** One attempt of a client's call: on the way to one endpoint. */
export interface ObservedAttempt {
  /** 0 for the first. */
  readonly number: number;
  /** When it began, in milliseconds after its call did: for the first attempt, the time that the client's limits took. */
  readonly startMs: number;
  /**
   * When it was given to a connection, in milliseconds after its call began; `undefined` when it never was. From `startMs` until
   * then it waited for an endpoint that takes calls.
   */
  readonly sentMs: number | undefined;
  /** When it ended, in milliseconds after its call began; `undefined` until then. */
  readonly endMs: number | undefined;
  /** `host:port` or the path of a socket; `undefined` until one is chosen. */
  readonly endpoint: string | undefined;
  /** The id of the instance there, as the registry names it; `undefined` until one is chosen. */
  readonly instance: string | undefined;
  /** Why the instance had been left out, if the attempt is the trial that shows whether it is well again; else `undefined`. */
  readonly trial: Trial | undefined;
  /** How it failed; `undefined` after success, and until it has ended. */
  readonly error: RpcError | undefined;
  /**
   * Where its time between `sentMs` and `endMs` went, in milliseconds. Of an attempt that was answered `network`, `queue` and `handler`:
   * `undefined` where {@link ObservedClientCall.askServer} was not called, and where the server cannot tell or the call has no deadline.
   * Of one that has failed what is known, as `RpcError.attempts` has it; of one that was never sent, what it waited for from
   * `startMs` on. `undefined` until it has ended.
   */
  readonly phases: Readonly<PhaseTimes> | undefined;
}

/** A call as its client sees it: one for all its attempts. */
export interface ObservedClientCall extends ObservedCall {
  readonly side: 'client';
  /** The name of the client, if it was given one. */
  readonly caller: string | undefined;
  /** The version of the rules of the service that are in force, as of now; `undefined` for none. */
  readonly rulesVersion: number | undefined;
  /** The attempts in the order in which they began; none when the client itself refused the call. */
  readonly attempts: readonly ObservedAttempt[];
  /** The endpoint of the last attempt. */
  readonly endpoint: string | undefined;
  /** The id of the instance there. */
  readonly instance: string | undefined;
  /**
   * Adds an entry to the metadata that is sent from now on; call it when a call or an attempt begins. It replaces the caller's
   * value of the same key.
   * @param key - in lower case
   */
  setMetadata(key: string, value: string): void;
  /**
   * Lets servers say with their answers how long they had the call, for {@link ObservedAttempt.phases}; call it when a call begins. It costs
   * some twenty bytes and a look at the clock on both sides. Streams are not asked about.
   */
  askServer(): void;
}

/** A call as its server sees it. */
export interface ObservedServerCall extends ObservedCall {
  readonly side: 'server';
  readonly peer: Peer;
  /** The id of the server's instance, as the registry names it. */
  readonly instance: string;
  /** The metadata that came with the call. */
  readonly metadata: Metadata;
  /** The number of the client's attempt, 0 for the first. */
  readonly attempt: number;
  /** The time left until its deadline when the call came, in milliseconds; `Infinity` when it has none. */
  readonly timeoutMs: number;
  /**
   * How long it waited for its handler, in milliseconds: authorization and queues. `undefined` when the handler was not entered.
   */
  readonly waitedMs: number | undefined;
  /**
   * Runs the user's layers and the handler inside `around`, for context in an `AsyncLocalStorage`. `around` must call the
   * function that it gets and return its result. It has an effect only when the call begins; with several, the first is
   * outermost.
   */
  enterWith(around: (run: () => unknown) => unknown): void;
}

/** What is published on the channel `org.rpc.client`. */
export type ClientObservation =
  | { readonly type: 'callStart'; readonly call: ObservedClientCall }
  | { readonly type: 'callEnd'; readonly call: ObservedClientCall }
  /** The events of `client.on`; `client` is the name of the client. */
  | { readonly type: 'event'; readonly client: string; readonly name: string; readonly event: unknown };

/** What is published on the channel `org.rpc.event`: the events of `client.on` and `server.on` of all clients and servers. */
export interface EventObservation {
  readonly type: 'event';
  readonly side: 'client' | 'server';
  /** The name of the client, or the id of the server's instance. */
  readonly from: string;
  readonly name: string;
  readonly event: unknown;
}

/** What is published on the channel `org.rpc.client.attempt`: an attempt has passed the gates, or has ended. */
export interface AttemptObservation {
  readonly type: 'attemptStart' | 'attemptEnd';
  readonly call: ObservedClientCall;
  readonly attempt: ObservedAttempt;
}

/** What is published on the channel `org.rpc.server`. */
export type ServerObservation =
  | { readonly type: 'callStart'; readonly call: ObservedServerCall }
  | { readonly type: 'callEnd'; readonly call: ObservedServerCall }
  /** The events of `server.on`; `server` is the id of the instance. */
  | { readonly type: 'event'; readonly server: string; readonly name: string; readonly event: unknown };
