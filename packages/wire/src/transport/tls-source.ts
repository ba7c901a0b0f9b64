import {
  type ClientTlsOptions,
  type ResolvedClientTls,
  type ResolvedServerTls,
  resolveClientTls,
  resolveServerTls,
  type ServerTlsOptions,
} from './tls-options.js';

/** The certificates and keys of the next handshakes. They can be replaced while connections live, which keep the old ones. */
export interface TlsSource<Options, Resolved> {
  readonly current: Resolved;
  /**
   * Replaces what is given and keeps the rest; on an error all stays as it was.
   * @throws TypeError naming option and what is wrong with it
   */
  update(where: string, change: Partial<Options>): void;
}

/** @see TlsSource */
export type ServerTlsSource = TlsSource<ServerTlsOptions, ResolvedServerTls>;

/** @see TlsSource */
export type ClientTlsSource = TlsSource<ClientTlsOptions, ResolvedClientTls>;

/** @throws TypeError naming option and what is wrong with it */
export function createServerTls(where: string, options: ServerTlsOptions): ServerTlsSource {
  return createSource(resolveServerTls(where, options), resolveServerTls);
}

/** @param options - `true` for the well-known authorities. @throws TypeError naming option and what is wrong with it */
export function createClientTls(where: string, options: ClientTlsOptions | true): ClientTlsSource {
  return createSource(resolveClientTls(where, options), resolveClientTls);
}

function createSource<Options, Resolved extends { readonly options: Options }>(
  first: Resolved,
  resolve: (where: string, options: Options) => Resolved,
): TlsSource<Options, Resolved> {
  let current = first;
  return {
    get current() {
      return current;
    },
    update(where, change) {
      current = resolve(where, { ...current.options, ...change });
    },
  };
}
