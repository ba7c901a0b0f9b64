import type {
  CallOptions,
  Explanation,
  InterfaceClient,
  MethodArgs,
  MethodName,
  MethodResult,
  MustName,
  ServiceClient,
  ServiceDefinition,
} from '@org/rpc-core';
import type { ClientTlsOptions } from '@org/rpc-wire';
import type { BroadcastOutcome } from '../attempts/broadcast.js';
import type { ClientEvents } from '../events.js';
import type { ExplainedCall } from '../nodes/explanation.js';
import type { ClientState } from '../nodes/state.js';

/** How long to wait for a service. */
export interface ReadyOptions {
  /** In milliseconds (default 30,000). */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls services. Made by `createClient`; usually one per process. It opens its registry and its connections when a service is
 * first used, and owns them until `close`.
 */
export interface Client {
  /** The stub of a contract: its methods as functions that return promises. */
  service<D extends ServiceDefinition<object>>(definition: D, options?: CallOptions): ServiceClient<D>;
  /** The stub of a service that is known by name and a plain interface: `client.service<Users>('users')`. */
  service<I extends object = never>(
    name: [I] extends [never] ? MustName : string,
    options?: CallOptions,
  ): InterfaceClient<I>;
  /** Calls one method of a contract. */
  call<D extends ServiceDefinition<object>, const K extends MethodName<D>>(
    definition: D,
    method: K,
    args: MethodArgs<D, K>,
    options?: CallOptions,
  ): Promise<MethodResult<D, K>>;
  /** Calls a method by its names, where no contract is at hand. */
  call<T = unknown>(service: string, method: string, args: readonly unknown[], options?: CallOptions): Promise<T>;
  /**
   * Calls a method of every listed instance at once, and tells how each call went; an empty list when no instance is listed. Each call has
   * its limits, deadline and retries like any other call, but its retries go to the same instance.
   * @throws RpcError `FAILED_PRECONDITION` when the client uses only a part of the instances (`subset`)
   */
  broadcast<D extends ServiceDefinition<object>, const K extends MethodName<D>>(
    definition: D,
    method: K,
    args: MethodArgs<D, K>,
    options?: CallOptions,
  ): Promise<BroadcastOutcome<MethodResult<D, K>>[]>;
  /** Like `broadcast` above, by names, where no contract is at hand. */
  broadcast<T = unknown>(
    service: string,
    method: string,
    args: readonly unknown[],
    options?: CallOptions,
  ): Promise<BroadcastOutcome<T>[]>;
  /**
   * Resolves when a node of the service is connected; worth awaiting before the first call of a process.
   * @throws RpcError `DEADLINE_EXCEEDED` that says what is missing, or `CANCELLED`
   */
  ready(service: ServiceDefinition<object> | string, options?: ReadyOptions): Promise<void>;
  /**
   * Replaces authorities, certificate and key; what is not given stays. Open connections keep what they began with, new
   * connections use the new values. On an error nothing changes.
   * @throws TypeError for unusable values, and when the client was made without `tls`
   */
  setTls(change: Partial<ClientTlsOptions>): void;
  /**
   * Tells which instances can take a call of this method now, which are left out and why, and how one is chosen. It changes nothing. Nothing
   * is known of a service that has not been used yet.
   */
  explain(service: ServiceDefinition<object> | string, method: string, options?: ExplainedCall): Explanation;
  /** What the client knows now about services, endpoints and connections. */
  state(): ClientState;
  on<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this;
  off<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this;
  /** Closes connections and registry at once; calls in flight fail with `UNAVAILABLE`. Idempotent, never rejects. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
