import { isIP } from 'node:net';
import { assertFits, assertKnownOptions, assertNumber, assertObject } from '@org/rpc-core/internal';

/** The port for operators and probes. */
export interface AdminOptions {
  /** TCP port; 0 takes any free one, and `server.state().admin` says which. */
  readonly port: number;
  /** The address to listen on. Default: `127.0.0.1`. Any other needs a `token`. */
  readonly host?: string | undefined;
  /**
   * The token that requests must send as `Authorization: Bearer <token>`, at least 16 characters; `/livez` and `/readyz` need
   * none. Default: none, and then only this machine may ask.
   */
  readonly token?: string | undefined;
  /** Appended to `/metrics`, in the same format: `() => register.metrics()` of prom-client. */
  readonly metrics?: (() => string | Promise<string>) | undefined;
  /** How detailed the program's own logger is, for `/log-level`: `{ get: () => logger.level, set: (level) => { logger.level = level } }`. */
  readonly logLevel?: { get(): string; set(level: string): void } | undefined;
}

/** {@link AdminOptions} with every default in place. */
export interface ResolvedAdmin extends AdminOptions {
  readonly host: string;
}

const TOKEN = /^[\x21-\x7e]{16,}$/;

/** Checks the option and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveAdmin(where: string, options: AdminOptions | undefined): ResolvedAdmin | undefined {
  if (options === undefined) return undefined;
  assertObject(where, 'admin', options);
  assertKnownOptions(`${where}: admin`, options, ['port', 'host', 'token', 'metrics', 'logLevel']);
  const { port, host = '127.0.0.1', token, metrics, logLevel } = options;
  assertNumber(where, 'admin.port', port, { min: 0, max: 65_535, integer: true });
  assertFits(where, 'admin.host', 'an address', host, typeof host === 'string' && isIP(host) !== 0);
  // The value itself is a secret and must not be in a message.
  if (token !== undefined && (typeof token !== 'string' || !TOKEN.test(token)))
    throw new TypeError(`${where}: admin.token must be text of 16 or more printable characters without spaces`);
  if (token === undefined && !isLoopback(host))
    throw new TypeError(`${where}: admin.host ${host} can be reached by others, which needs admin.token`);
  const isHook = metrics === undefined || typeof metrics === 'function';
  assertFits(where, 'admin.metrics', 'a function', metrics, isHook);
  if (logLevel !== undefined) {
    const isPair = typeof logLevel?.get === 'function' && typeof logLevel.set === 'function';
    assertFits(where, 'admin.logLevel', '{ get(), set(level) }', logLevel, isPair);
  }
  return { ...options, host };
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.') || host.startsWith('::ffff:127.');
}
