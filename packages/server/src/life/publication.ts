import type { Clock } from '@org/rpc-core';
import type {
  Endpoint,
  Registration,
  RegistrationState,
  Registry,
  RegistryEnvironment,
  RegistryHandle,
} from '@org/rpc-registry';
import { ALPN_PROTOCOL } from '@org/rpc-wire/internal';

/** How long `listen` waits for a registry of this machine, in milliseconds. */
const REGISTERED_MS = 1_000;

/** A server's entry in its registry, from `listen` to `close`. */
export class Publication {
  /** Resolves when the entry was first written; rejects when the server is closed before that. */
  readonly registered: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  #handle: RegistryHandle | undefined;
  #registration: Registration | undefined;
  #services: readonly string[] = [];
  #endpoint: Endpoint | undefined;

  constructor() {
    this.registered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody may look at it, and an unhandled rejection would end the process; the events tell too.
    this.registered.catch(() => {});
  }

  /** Enters the instance; writing goes on in the background until it succeeds. */
  open(registry: Registry, environment: RegistryEnvironment, services: readonly string[], endpoint: Endpoint): void {
    this.#services = services;
    this.#endpoint = endpoint;
    this.#handle = registry.open(environment);
    this.#registration = this.#handle.register({ services, endpoint });
    this.#registration.registered.then(this.#resolve, this.#reject);
  }

  /** Resolves when the entry was written, and after {@link REGISTERED_MS} in any case. Never rejects. */
  async untilRegistered(clock: Clock): Promise<void> {
    let cancel: (() => void) | undefined;
    const expired = new Promise<void>((resolve) => {
      cancel = clock.schedule(REGISTERED_MS, resolve);
    });
    await Promise.race([this.registered.catch(() => undefined), expired]);
    cancel?.();
  }

  /** What became of it, and why it is pending where that is known. */
  get state(): { readonly status: 'none' | RegistrationState['status']; readonly error: string | undefined } {
    const state = this.#registration?.state();
    return { status: state?.status ?? 'none', error: state?.status === 'pending' ? state.error?.message : undefined };
  }

  get isOpen(): boolean {
    return this.#registration !== undefined;
  }

  /** Changes what the registry says of the instance. Resolves when written. */
  async update(change: Partial<Endpoint>): Promise<void> {
    if (this.#registration === undefined || this.#endpoint === undefined) return;
    // An instance that has said goodbye stays `draining`.
    const state = this.#endpoint.state === 'draining' ? 'draining' : (change.state ?? this.#endpoint.state);
    this.#endpoint = { ...this.#endpoint, ...change, state };
    await this.#registration.update({ services: this.#services, endpoint: this.#endpoint });
  }

  /** Removes the entry. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#reject(new Error('the server was closed before it was registered'));
    await this.#registration?.close();
    await this.#handle?.close();
  }
}

/** What the options of a server say of its instance. */
export interface OwnFacts extends Pick<Endpoint, 'weight' | 'zone' | 'tags' | 'version'> {
  /** Whether it takes calls from the start. */
  readonly available: boolean;
  /** Anything when it listens with TLS. */
  readonly tls: unknown;
  /** Whether others are reached at the same address, which give each client to whom it means. */
  readonly isShared?: boolean | undefined;
  readonly clock: Clock;
}

/**
 * The registry entry of a server that begins now.
 *
 * @param location - where it is reached
 */
export function ownEndpoint(
  { weight, zone, tags, version, available, tls, isShared, clock }: OwnFacts,
  id: string,
  location: Pick<Endpoint, 'host' | 'port' | 'path' | 'secret'>,
): Endpoint {
  const features = [
    ...FEATURES,
    ...(tls === undefined ? [] : ['tls']),
    ...(isShared === true ? ['shared-address'] : []),
  ];
  const state = available ? 'up' : 'unavailable';
  const startedAtMs = Math.round(clock.wallNow());
  return { ...location, id, weight, zone, tags, version, state, startedAtMs, protocol: ALPN_PROTOCOL, features };
}

/** What every server of this version can do besides calls. */
const FEATURES: readonly string[] = ['streams', 'messagepack-rpc', 'compression'];
