import type { Clock } from '@org/rpc-core';
import type {
  Endpoint,
  Registration,
  RegistrationState,
  Registry,
  RegistryEnvironment,
  RegistryHandle,
  RulesSource,
} from '@org/rpc-registry';
import { ALPN_PROTOCOL } from '@org/rpc-wire/internal';

/** How long `listen` waits for a registry on this machine, in milliseconds. */
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
  #early: Partial<Endpoint> | undefined;

  constructor() {
    this.registered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // If nobody awaits it, an unhandled rejection would end the process; events report the failure too.
    this.registered.catch(() => {});
  }

  /** Registers the instance; writing is retried in the background until it succeeds. */
  open(registry: Registry, environment: RegistryEnvironment, services: readonly string[], endpoint: Endpoint): void {
    this.#services = services;
    this.#endpoint = { ...endpoint, ...this.#early };
    this.#handle = registry.open(environment);
    this.#registration = this.#handle.register({ services, endpoint: this.#endpoint });
    this.#registration.registered.then(this.#resolve, this.#reject);
  }

  /** Resolves when the entry was written, at the latest after {@link REGISTERED_MS}. Never rejects. */
  async untilRegistered(clock: Clock): Promise<void> {
    let cancel: (() => void) | undefined;
    const expired = new Promise<void>((resolve) => {
      cancel = clock.schedule(REGISTERED_MS, resolve);
    });
    await Promise.race([this.registered.catch(() => undefined), expired]);
    cancel?.();
  }

  /** The state of the registration, and why it is pending if that is known. */
  get state(): { readonly status: 'none' | RegistrationState['status']; readonly error: string | undefined } {
    const state = this.#registration?.state();
    return { status: state?.status ?? 'none', error: state?.status === 'pending' ? state.error?.message : undefined };
  }

  /** The rules of services, as the registry has them; `undefined` where it has none. */
  get rules(): RulesSource | undefined {
    return this.#handle?.rules;
  }

  /** Changes the registry entry of the instance. Resolves when it is written; before `open` at once: then the first entry says it. */
  async update(change: Partial<Endpoint>): Promise<void> {
    if (this.#registration === undefined || this.#endpoint === undefined) {
      this.#early = { ...this.#early, ...change };
      return;
    }
    // An instance that has begun to drain stays `draining`.
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

/** What a server's options say about its instance. */
export interface OwnFacts extends Pick<Endpoint, 'weight' | 'zone' | 'tags' | 'version'> {
  /** Whether it takes calls from the start. */
  readonly available: boolean;
  /** Any value but `undefined` when the server listens with TLS. */
  readonly tls: unknown;
  /** Whether other servers share the address, where each client is handed to the server that it asks for. */
  readonly isShared?: boolean | undefined;
  readonly clock: Clock;
}

/**
 * The registry entry of a server that starts now.
 *
 * @param location - where clients reach it
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

/** The features of every server of this version besides calls. */
const FEATURES: readonly string[] = ['streams', 'messagepack-rpc', 'compression'];
