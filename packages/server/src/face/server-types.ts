import type { ServiceDefinition, ServiceHandlers } from '@org/rpc-core';
import type { InProcessServer, ServerTlsOptions } from '@org/rpc-wire';
import type { CloseOptions } from '../life/drain.js';
import type { ServiceLimits } from '../policy/call-limits.js';
import type { ServerState } from '../state.js';
import type { ServerEvents } from './events.js';
import type { ListenOptions } from './listen-options.js';

/** What can be changed of an instance while it runs. */
export interface InstanceUpdate {
  /** Share of the traffic relative to the other instances, 0 to 10,000. */
  readonly weight?: number | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether clients are to give it new calls. With `false` it stays registered, its connections stay open, and what runs or still
   * arrives is served.
   */
  readonly available?: boolean | undefined;
}

/** Where a server listens and what it advertises. */
export interface ServerAddress {
  readonly host: string;
  /** The port that was really taken, 0 for a unix socket. */
  readonly port: number;
  readonly path?: string | undefined;
}

/** Serves the methods of contracts. Made by `createServer`; owns its sockets and its registration until `close`. */
export interface Server extends InProcessServer {
  /** The instance's id, as clients and the registry know it. */
  readonly instance: string;
  /** Resolves when the instance is in the registry; rejects when the server is closed before that. */
  readonly registered: Promise<void>;
  /**
   * Adds a service with its implementation: an object of functions or a class instance. Before `listen`.
   * @param limits - of the service and its methods, besides those of the server
   * @throws TypeError when a handler is missing, the service was added before, or the server listens already
   */
  add<D extends ServiceDefinition<object>>(
    definition: D,
    handlers: NoInfer<ServiceHandlers<D>>,
    limits?: ServiceLimits,
  ): this;
  /**
   * Listens, then registers in the background: a registry that cannot be reached is an event and a state, no failed start.
   * @throws Error in words for people: address taken, permission denied; TypeError for wrong options
   */
  listen(options?: ListenOptions): Promise<ServerAddress>;
  /**
   * Changes what the registry says of this instance; clients follow. Resolves when written. In the process that watches over workers: of all
   * workers, those included that are started later; rejects when one of them could not.
   * @throws TypeError for wrong values, and while it does not listen
   */
  update(change: InstanceUpdate): Promise<void>;
  /**
   * Replaces key, certificates or both before they expire; what is not given stays. Connections live on with what they
   * began with, new ones get the new. On an error all stays as it was. In the process that watches over workers: for all workers, as `update`.
   * @throws TypeError for unusable ones, and when the server was made without `tls`
   */
  setTls(change: Partial<ServerTlsOptions>): void;
  /**
   * Says whether a service takes calls, for those who ask `rpc.health`: a probe, a balancer in front. It changes nothing of the calls
   * themselves; `update({ available: false })` does. In the process that watches over workers: of all workers, as `update`.
   * @param service - one that was added, or `''` for the whole server
   * @throws TypeError for a service that was not added
   */
  health(service: string, status: 'serving' | 'not-serving'): void;
  /** What the server knows of itself now, as plain data. */
  state(): ServerState;
  /** How many handlers run now. */
  readonly running: number;
  on<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): this;
  off<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): this;
  /**
   * Leaves the registry, lets clients go elsewhere, finishes what runs, then closes. Idempotent, never rejects; a second
   * call with a shorter grace shortens the first.
   */
  close(options?: CloseOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
