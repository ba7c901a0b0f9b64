import { AsyncLocalStorage } from 'node:async_hooks';
import type { Metadata } from './metadata.js';

/** Who called: the address of the other end, and what it proved about itself. */
export interface Peer {
  /** `host:port` of the other end, `memory` or `unix` where there is none. */
  readonly address: string;
  /**
   * What the peer calls itself, such as the `name` of a client: its own word, for people and statistics, and no proof of anything.
   * `undefined` where it does not say.
   */
  readonly name?: string | undefined;
  /** Who the peer proved to be: what `authenticate` of the server says, else the name in its TLS certificate; `undefined` where there is neither. */
  readonly identity?: string | undefined;
  /** When what proves the identity expires, in milliseconds since 1970. */
  readonly identityEndsAt?: number | undefined;
  /** What `authenticate` of the server knows of the peer besides, such as its roles. */
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

/** What a handler can learn of the call that it serves. Valid as long as the handler runs. */
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
   * long poll) ends its work on it, and its caller goes on at another instance. All calls of the server share this signal: remove
   * the listeners that you add, or give `{ once: true, signal: context.signal }`.
   */
  readonly draining: AbortSignal;
  /** Absolute, in this process's monotonic milliseconds (`performance.now()`); `Infinity` when the caller gave none. */
  readonly deadline: number;
  /** Milliseconds left until the deadline, at least 0; `Infinity` when there is none. */
  remainingMs(): number;
  /** What the caller sent beside the arguments. */
  readonly metadata: Metadata;
  /** What is sent back beside the result: set keys before the handler ends. */
  readonly responseMetadata: Record<string, string>;
  readonly peer: Peer;
  /**
   * Whether a caller further up repeats this call. Then calls that the handler makes are not repeated, nor are the calls that
   * those make.
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
