import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { assertFits, assertKnownOptions, assertObject } from '@org/rpc-core/internal';
import { isIdentityPattern } from './tls-identity.js';
import { checkCertificate, checkPrivateKey, type Pem } from './tls-pem.js';

/** Options of both sides: their own certificate, and the authorities that they trust. */
export interface CommonTlsOptions {
  /** The certificate of this side in PEM, the certificates of its intermediate authorities after it. */
  readonly cert?: Pem | undefined;
  /** The private key of `cert` in PEM. */
  readonly key?: Pem | undefined;
  /** What `key` is encrypted with. */
  readonly passphrase?: string | undefined;
  /** The authorities that the certificate of the other side must come from, in PEM. */
  readonly ca?: Pem | readonly Pem[] | undefined;
}

/** TLS of a server. With it, nothing is accepted in plaintext. */
export interface ServerTlsOptions extends CommonTlsOptions {
  readonly cert: Pem;
  readonly key: Pem;
  /**
   * Whether clients are asked for a certificate, which `ca` must have issued: `'require'` refuses those without one, `true`
   * serves them without an identity. One that is not accepted is refused in both cases. Default `false`.
   */
  readonly requestClientCertificate?: boolean | 'require' | undefined;
  /** The oldest version that is spoken (default `TLSv1.2`). */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

/** TLS of a client. With it, nothing is sent in plaintext. */
export interface ClientTlsOptions extends CommonTlsOptions {
  /** The name that the certificates of all servers must have. Default: the host of each endpoint, as the registry lists it. */
  readonly serverName?: string | undefined;
  /**
   * Who the servers must prove to be, instead of having the name of the host: a URI (`spiffe://prod.example/orders`) or a DNS
   * name among the alternative names of their certificate; `*` stands for one whole part of it. One for all services, or one by
   * service, `'*'` for those that are not named: without it, these are judged by the name of the host.
   */
  readonly identity?: string | Readonly<Record<string, string>> | undefined;
}

/** {@link ServerTlsOptions}, checked. */
export interface ResolvedServerTls {
  readonly options: ServerTlsOptions;
}

/** {@link ClientTlsOptions}, checked. */
export interface ResolvedClientTls {
  readonly options: ClientTlsOptions;
  readonly context: SecureContext;
}

/** Who the servers of a service must prove to be; `undefined`: they must have the name of the host. */
export function expectedIdentity({ options }: ResolvedClientTls, service: string): string | undefined {
  const { identity } = options;
  if (typeof identity !== 'object') return identity;
  return Object.hasOwn(identity, service) ? identity[service] : identity['*'];
}

const COMMON: readonly string[] = ['cert', 'key', 'passphrase', 'ca'];

/** @throws TypeError naming option and what is wrong with it, never its content */
export function resolveServerTls(where: string, options: ServerTlsOptions): ResolvedServerTls {
  checkKnown(where, options, ['requestClientCertificate', 'minVersion']);
  const { cert, key, ca, requestClientCertificate = false, minVersion = 'TLSv1.2' } = options;
  if (cert === undefined || key === undefined)
    throw new TypeError(`${where}: tls.${cert === undefined ? 'cert' : 'key'} is missing; a server needs cert and key`);
  const isRequest = requestClientCertificate === 'require' || typeof requestClientCertificate === 'boolean';
  assertFits(where, 'tls.requestClientCertificate', "true, false or 'require'", requestClientCertificate, isRequest);
  const isVersion = minVersion === 'TLSv1.2' || minVersion === 'TLSv1.3';
  assertFits(where, 'tls.minVersion', "'TLSv1.2' or 'TLSv1.3'", minVersion, isVersion);
  // The well-known authorities would admit anybody who has a website.
  if (requestClientCertificate !== false && ca === undefined)
    throw new TypeError(`${where}: tls.requestClientCertificate needs tls.ca, who issues the certificates of clients`);
  if (requestClientCertificate === false && ca !== undefined)
    throw new TypeError(`${where}: tls.ca is for certificates of clients; give tls.requestClientCertificate with it`);
  secureContext(where, options, minVersion);
  return { options };
}

/** @param options - `true` for the well-known authorities. @throws TypeError naming option and what is wrong with it */
export function resolveClientTls(where: string, options: ClientTlsOptions | true): ResolvedClientTls {
  const given = options === true ? {} : options;
  checkKnown(where, given, ['serverName', 'identity']);
  const { cert, key, serverName, identity } = given;
  if ((cert === undefined) !== (key === undefined)) throw new TypeError(`${where}: tls.cert and tls.key go together`);
  const isName = serverName === undefined || (typeof serverName === 'string' && isHost(serverName));
  assertFits(where, 'tls.serverName', 'the name of a host, without a port', serverName, isName);
  if (identity !== undefined) checkIdentity(where, identity);
  return { options: given, context: secureContext(where, given, 'TLSv1.2') };
}

function checkIdentity(where: string, identity: unknown): void {
  const what = "a URI or a DNS name, in which '*' may stand for whole parts but not for all of them";
  if (typeof identity === 'string')
    return assertFits(where, 'tls.identity', what, identity, isIdentityPattern(identity));
  assertObject(where, 'tls.identity', identity);
  for (const [service, pattern] of Object.entries(identity as object))
    assertFits(where, `tls.identity[${JSON.stringify(service)}]`, what, pattern, isIdentityPattern(pattern));
}

function checkKnown(where: string, options: object, more: readonly string[]): void {
  if (typeof options === 'object' && options !== null && 'rejectUnauthorized' in options)
    throw new TypeError(
      `${where}: tls.rejectUnauthorized is no option: certificates are always checked; name their authority in tls.ca`,
    );
  assertKnownOptions(`${where}: tls`, options, [...COMMON, ...more]);
}

function isHost(name: string): boolean {
  return isIP(name) !== 0 || /^[\w-]+(\.[\w-]+)*\.?$/.test(name);
}

function secureContext(where: string, options: CommonTlsOptions, minVersion: 'TLSv1.2' | 'TLSv1.3'): SecureContext {
  const { cert, key, ca, passphrase } = options;
  if (passphrase !== undefined && typeof passphrase !== 'string')
    throw new TypeError(`${where}: tls.passphrase must be a text`);
  if (cert !== undefined && key !== undefined) {
    const privateKey = checkPrivateKey(where, 'tls.key', key, passphrase);
    if (!checkCertificate(where, 'tls.cert', cert).checkPrivateKey(privateKey))
      throw new TypeError(`${where}: tls.key is not the key of tls.cert`);
  }
  const authorities: readonly Pem[] = ca === undefined ? [] : Array.isArray(ca) ? ca : [ca as Pem];
  if (ca !== undefined && authorities.length === 0) throw new TypeError(`${where}: tls.ca names no authority`);
  for (const authority of authorities) checkCertificate(where, 'tls.ca', authority);
  try {
    return createSecureContext({
      minVersion,
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(ca === undefined ? {} : { ca: [...authorities] }),
    });
  } catch (error) {
    throw new TypeError(`${where}: tls is not usable: ${(error as Error).message}`);
  }
}
