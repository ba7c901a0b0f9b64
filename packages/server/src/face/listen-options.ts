import { networkInterfaces } from 'node:os';
import { assertFits, assertKnownOptions, assertNumber, assertObject, describeValue } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { readEndpoint } from '@org/rpc-registry/internal';

/** Where a server listens. */
export interface ListenOptions {
  /** TCP port, 0 (the default) for any free one. */
  readonly port?: number | undefined;
  /** The address to listen on. Default: the loopback address with registries of one machine, else all interfaces. */
  readonly host?: string | undefined;
  /** What the registry says instead, where clients reach the server by another address: containers, NAT. */
  readonly advertise?: { readonly host?: string | undefined; readonly port?: number | undefined } | undefined;
  /** Path of a unix socket instead of host and port, at most 107 bytes. */
  readonly path?: string | undefined;
}

const UNIX_PATH_BYTES_MAX = 107;
const ALL_INTERFACES: readonly string[] = ['0.0.0.0', '::'];

/** Checks the options and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveListenOptions(
  options: ListenOptions,
  isMachineLocal: boolean,
): { host: string; port: number; path: string | undefined } {
  const where = 'server.listen';
  if (typeof options === 'number' || typeof options === 'string')
    throw new TypeError(
      `${where}: options must be an object, got ${describeValue(options)}; write server.listen({ port: 3000 })`,
    );
  assertKnownOptions(where, options, ['port', 'host', 'advertise', 'path']);
  const { port = 0, path, advertise } = options;
  const besidePath = (['port', 'host', 'advertise'] as const).find((name) => options[name] !== undefined);
  if (path !== undefined && besidePath !== undefined)
    throw new TypeError(`${where}: give either path or ${besidePath}, not both`);
  assertNumber(where, 'port', port, { min: 0, max: 65_535, integer: true });
  const host = options.host ?? (isMachineLocal ? '127.0.0.1' : '0.0.0.0');
  const isHost = typeof host === 'string' && host !== '' && !/[\s[\]]/.test(host);
  assertFits(where, 'host', 'a name or an address without brackets', host, isHost);
  const isPath = typeof path === 'string' && path !== '' && Buffer.byteLength(path) <= UNIX_PATH_BYTES_MAX;
  if (path !== undefined) assertFits(where, 'path', `text of 1 to ${UNIX_PATH_BYTES_MAX} bytes`, path, isPath);
  if (advertise !== undefined) {
    assertObject(where, 'advertise', advertise);
    assertKnownOptions(`${where}: advertise`, advertise, ['host', 'port']);
    if (advertise.port !== undefined)
      assertNumber(`${where}: advertise`, 'port', advertise.port, { min: 1, max: 65_535, integer: true });
    if (advertise.host !== undefined) checkAdvertisedHost(where, advertise.host);
  }
  return { host, port, path };
}

function checkAdvertisedHost(where: string, host: string): void {
  if (ALL_INTERFACES.includes(host)) {
    throw new TypeError(
      `${where}: advertise.host ${host} is no address that a client could reach; name this machine's`,
    );
  }
  readEndpoint(`${where}: advertise`, { id: 'id', host, port: 1 });
}

/** The address that goes into the registry. */
export function advertisedEndpoint(
  advertise: ListenOptions['advertise'],
  bound: { host: string; port: number; path?: string | undefined },
): Pick<Endpoint, 'host' | 'port' | 'path'> {
  if (bound.path !== undefined) return { host: '', port: 0, path: bound.path };
  const host = advertise?.host ?? (ALL_INTERFACES.includes(bound.host) ? outwardAddress() : bound.host);
  return { host, port: advertise?.port ?? bound.port };
}

/** The first address of this machine that others can reach, the loopback address when there is none. */
function outwardAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) if (!address.internal && address.family === 'IPv4') return address.address;
  }
  return '127.0.0.1';
}
