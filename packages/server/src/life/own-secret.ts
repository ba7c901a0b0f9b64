import type { Endpoint, Registry } from '@org/rpc-registry';

/** The facts that decide whether a server has a secret. */
export interface SecretFacts {
  readonly registry: Pick<Registry, 'createSecret'>;
  /** Where the server listens. */
  readonly address: { readonly host: string; readonly path: string | undefined };
  /** Whether it knows its callers by other means: `authorize`, or required client certificates. */
  readonly knowsCallers: boolean;
  /** See `ListenOptions.anyUser`. */
  readonly anyUser: boolean;
}

/** The secret in a server's registry entry. */
export interface OwnSecret {
  readonly secret: NonNullable<Endpoint['secret']>;
  /** Whether clients must prove that they know the secret. */
  readonly isDemanded: boolean;
}

/**
 * A server on TCP puts a secret into its registry entry, a new one at each start, if nobody else can read the entry. By the secret clients
 * know that nobody else has taken the server's port. On the loopback address clients must prove that they know the secret too, because every
 * user of the machine can connect there. A server on any other address is meant to be called from elsewhere.
 *
 * @returns `undefined` when the server has no secret; on a unix socket the permissions of the folder decide who may connect
 */
export function ownSecret({ registry, address, knowsCallers, anyUser }: SecretFacts): OwnSecret | undefined {
  if (registry.createSecret === undefined || address.path !== undefined) return undefined;
  return { secret: registry.createSecret(), isDemanded: isLoopback(address.host) && !knowsCallers && !anyUser };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
