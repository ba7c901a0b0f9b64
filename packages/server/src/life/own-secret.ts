import type { Endpoint, Registry } from '@org/rpc-registry';

/** What decides whether a server has a secret. */
export interface SecretFacts {
  readonly registry: Pick<Registry, 'createSecret'>;
  /** Where it listens. */
  readonly address: { readonly host: string; readonly path: string | undefined };
  /** Whether it lets in whom it knows by other means: by `authorize`, or by certificates that it requires. */
  readonly knowsCallers: boolean;
  /** See `ListenOptions.anyUser`. */
  readonly anyUser: boolean;
}

/** The secret of a server's entry. */
export interface OwnSecret {
  readonly secret: NonNullable<Endpoint['secret']>;
  /** Whether clients have to show that they know it. */
  readonly isDemanded: boolean;
}

/**
 * A server on TCP whose entry in the registry nobody else can read has a secret in it, anew each time that it begins: by it clients know that
 * nobody else has taken its port. On the loopback address, where only this machine comes, clients must know it too: every user of the
 * machine can connect there. Whoever listens on other addresses wants to be called from elsewhere.
 *
 * @returns `undefined` where there is none: on a unix socket the folder says who may connect
 */
export function ownSecret({ registry, address, knowsCallers, anyUser }: SecretFacts): OwnSecret | undefined {
  if (registry.createSecret === undefined || address.path !== undefined) return undefined;
  return { secret: registry.createSecret(), isDemanded: isLoopback(address.host) && !knowsCallers && !anyUser };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
