import type { Clock, Random } from '@org/rpc-core';
import type { Endpoint } from './endpoint.js';
import type { EndpointSecret } from './endpoint-secret.js';
import type { RulesSource, RulesStore } from './rules-source.js';

/** Why an endpoint is no longer listed: it said goodbye, its process is known to be dead, or nobody knows. */
export type GoneReason = 'left' | 'dead' | 'unknown';

/** An endpoint that was listed before and is not now. */
export interface Gone {
  readonly id: string;
  readonly reason: GoneReason;
}

/**
 * The whole of what a registry knows of one service at one moment. Immutable; each one replaces the one before.
 *
 * A client never drops an endpoint that still answers just because a registry forgot it: it weighs `gone`, its reason and `fresh`
 * against its own connections.
 */
export interface Snapshot {
  /** Every listed instance, draining ones included, ordered by id. */
  readonly endpoints: readonly Endpoint[];
  /** False while the source can't be reached: this is then the last known list, and absence in it means nothing. */
  readonly fresh: boolean;
  /** What left the list since the snapshot before. */
  readonly gone: readonly Gone[];
  /**
   * True for a list from an earlier run, published before the source has answered: an instance of it that refuses a connection is
   * gone.
   */
  readonly remembered?: true | undefined;
  /** Instances that are listed and that this client leaves to others: set by the client's option `subset`, 0 where it is left out. */
  readonly unused?: number | undefined;
}

/** A watch in progress. */
export interface Watch {
  /** Ends it. Idempotent; no snapshot is published after it returned. */
  close(): void;
  /**
   * Asks the source at once, because nothing on the list takes calls. Left out by registries that know no more than they have
   * published. It may be called at any time: it limits by itself how often it really asks.
   */
  refresh?(): void;
}

/** What a server writes into a registry: the endpoint, under each of its services. */
export interface Instance {
  readonly services: readonly string[];
  readonly endpoint: Endpoint;
}

/** The state of a registration: written, trying (with the last error), or closed. */
export type RegistrationState =
  | { readonly status: 'registered' }
  | { readonly status: 'pending'; readonly error: Error | undefined }
  | { readonly status: 'closed' };

/** A server's entry in a registry, kept there until closed: lost leases and deleted keys are written anew. */
export interface Registration {
  state(): RegistrationState;
  /** Resolves when the entry was first written; rejects only when closed before that. */
  readonly registered: Promise<void>;
  /** Replaces the instance's data (weight, draining, services). Resolves when written or closed. */
  update(instance: Instance): Promise<void>;
  /** Removes the entry, waiting at most a second for the registry. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** What a registry needs of its host. */
export interface RegistryEnvironment {
  /** Keeps environments apart: letters, digits, `.`, `_`, `-`. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of all problems and repairs: unreachable, invalid entry skipped, entry written anew. */
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
}

/** Something that an operator may want to know of a registry. */
export interface RegistryEvent {
  /** `insecure`: what lets into the registry, or a client into what is listed there, goes over the network in plaintext. */
  readonly kind: 'unreachable' | 'recovered' | 'invalidEntry' | 'registered' | 'lost' | 'conflict' | 'insecure';
  readonly message: string;
  readonly service?: string | undefined;
  readonly error?: Error | undefined;
}

/** An open registry. It owns sockets, files or timers and is closed by whoever opened it. */
export interface RegistryHandle {
  /**
   * Follows a service. `publish` is called with a first snapshot as soon as one is known (an empty list is one), and with
   * another on each change; never synchronously from within `watch`, never concurrently, never after `close`.
   * It goes on for ever: errors are events and `fresh: false`, not an end.
   */
  watch(service: string, publish: (snapshot: Snapshot) => void): Watch;
  /** Enters an instance. Returns at once; writing goes on in the background until it succeeds. */
  register(instance: Instance): Registration;
  /** The names of all services that have an instance. For tools; @throws RpcError UNAVAILABLE when unreachable. */
  services(): Promise<readonly string[]>;
  /** How clients follow the rules of services; left out by registries that have none. */
  readonly rules?: RulesSource | undefined;
  /** How tools change them; there whenever `rules` is. */
  readonly rulesStore?: RulesStore | undefined;
  /** Closes all watches and registrations. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** How long a leaving server waits between saying `draining` and deleting its entry, so that clients hear it first. */
export type DrainLead = number;

/**
 * A registry as an option value. It is inert: making one does no I/O, and each client or server that is given it opens and
 * closes a handle of its own.
 */
export interface Registry {
  /** How it is shown to people, without secrets: `etcd://10.0.0.1:2379`, `local:/run/user/0/rpc`. */
  readonly display: string;
  /** Milliseconds from `draining` to the deletion of the entry; 0 where clients hear of it at once. */
  readonly drainLeadMs: DrainLead;
  /** True when only processes of this machine read it: servers then listen on the loopback address unless told otherwise. */
  readonly isMachineLocal?: boolean;
  /**
   * Gives the path of a new unix socket for a server that is not told where to listen; no other user of the machine can reach it.
   * It resolves with `undefined` on Windows, which has none; the server then listens on the loopback address.
   */
  readonly privateSocket?: (() => Promise<string | undefined>) | undefined;
  /**
   * Makes the secret of an entry, by which clients and a server on TCP recognise each other; left out where other users can read
   * entries.
   */
  readonly createSecret?: (() => EndpointSecret) | undefined;
  open(environment: RegistryEnvironment): RegistryHandle;
}
