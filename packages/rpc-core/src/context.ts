import { AsyncLocalStorage } from 'node:async_hooks';
import type { Metadata } from './metadata.js';

/** The other end of a connection: its address, and what it has proved about itself. */
export interface Peer {
  /** `host:port` of the other end; `memory` or `unix` if it has none. */
  readonly address: string;
  /**
   * The name that the peer gives itself, such as the `name` of a client: for people and statistics, and not proved.
   * `undefined` if it gives none.
   */
  readonly name?: string | undefined;
  /** The identity that the peer has proved: from the server's `authenticate`, else the name in its TLS certificate; `undefined` if neither. */
  readonly identity?: string | undefined;
  /** When the proof of the identity expires, in milliseconds since 1970. */
  readonly identityEndsAt?: number | undefined;
  /** Other facts about the peer from the server's `authenticate`, such as its roles. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

declare const VALUE: unique symbol;

/** A typed key for values that layers hand to handlers, made by {@link contextKey}. */
export interface ContextKey<T> {
  readonly name: string;
  readonly symbol: symbol;
  readonly [VALUE]?: T;
}

/**
 * Makes a key for a value in the call context.
 * @example
 * ```ts
 * const userKey = contextKey<User>('user');
 * callContext()?.set(userKey, user);
 * ```
 */
export function contextKey<T>(name: string): ContextKey<T> {
  return { name, symbol: Symbol(name) };
}

/** What a handler can learn about the call that it serves. Valid while the handler runs. */
export interface CallContext {
  readonly service: string;
  readonly method: string;
  /**
   * Aborts when the caller gives up, the deadline passes, the connection is lost or the server's grace ends. The signal of a
   * one-way call outlives its connection, because its caller was told that the call is done and may have left. It aborts when the
   * server itself ends the connection.
   */
  readonly signal: AbortSignal;
  /**
   * Aborts when the server begins to drain, before any call is aborted. A handler that could go on for ever (a stream of news, a
   * long poll) should then end, and its caller goes on at another instance. All calls of the server share this signal: remove
   * the listeners that you add, or pass `{ once: true, signal: context.signal }`.
   */
  readonly draining: AbortSignal;
  /** Absolute, in this process's monotonic milliseconds (`performance.now()`); `Infinity` when the caller gave none. */
  readonly deadline: number;
  /** Milliseconds left until the deadline, at least 0; `Infinity` when there is none. */
  remainingMs(): number;
  /** The metadata that the caller sent besides the arguments. */
  readonly metadata: Metadata;
  /** Metadata that is sent back with the result: set keys before the handler ends. */
  readonly responseMetadata: Record<string, string>;
  readonly peer: Peer;
  /**
   * Whether a caller further up retries this call. Then calls that the handler makes are not retried, nor are calls further
   * down.
   */
  readonly isRepeatedAbove?: boolean | undefined;
  /** A value that a layer or `authorize` left for the handler. */
  get<T>(key: ContextKey<T>): T | undefined;
  set<T>(key: ContextKey<T>, value: T): void;
}

/**
 * The one `AsyncLocalStorage` of the process. Only a server's dispatcher calls `run` on it, so a process that only makes calls
 * never enables it and its promises cost no more.
 */
const storage = new AsyncLocalStorage<CallContext | undefined>();

/** The context of the call that is being served, `undefined` outside of one. */
export function callContext(): CallContext | undefined {
  return storage.getStore();
}

/** Runs a function inside a call's context. For dispatchers and tests; no closure is needed for its arguments. */
export function runInContext<A extends unknown[], T>(context: CallContext, fn: (...args: A) => T, ...args: A): T {
  return storage.run(context, fn, ...args);
}

/**
 * Runs work that outlives the call being served: calls made inside inherit neither its deadline nor its cancellation.
 * @example
 * ```ts
 * detached(() => audit.record(event)); // goes on after the handler has answered
 * ```
 */
export function detached<T>(fn: () => T): T {
  return storage.getStore() === undefined ? fn() : storage.run(undefined, fn);
}
