import { isIPv6 } from 'node:net';
import { availableParallelism, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Clock, Limits } from '@org/rpc-core';
import { assertFits, assertKnownOptions, assertNumber, assertObject, describeValue } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { readEndpoint } from '@org/rpc-registry/internal';
import type { Codec } from '@org/rpc-wire';
import {
  type ByteStream,
  type Listener,
  listenTcp,
  listenTls,
  refuseStream,
  type ServerTlsSource,
} from '@org/rpc-wire/internal';
import type { Bind } from '../workers/own-primary.js';

/** Where a server listens. */
export interface ListenOptions {
  /**
   * TCP port, 0 for any free one. Default: 0; a server of `local:` for which no address is named at all has a unix socket that only its
   * own user can reach instead.
   */
  readonly port?: number | undefined;
  /** The address to listen on. Default: the loopback address with registries of one machine, else all interfaces. */
  readonly host?: string | undefined;
  /** The address in the registry, where clients reach the server by another one than it listens on: containers, NAT. */
  readonly advertise?: { readonly host?: string | undefined; readonly port?: number | undefined } | undefined;
  /** Path of a unix socket instead of host and port, at most 107 bytes. */
  readonly path?: string | undefined;
  /**
   * Whether anybody who reaches the port may call: other users of the machine, and clients that did not find it in the registry.
   * It is for servers of `local:` on a port of the loopback address, which otherwise take only calls of their own user's
   * processes that found them there, unless they require certificates or have the option `authorize`. Default: false.
   */
  readonly anyUser?: boolean | undefined;
  /**
   * Serves by so many processes instead of this one, 1 to 256, or `'auto'` for as many as there are cores: each runs the same program, up to its own
   * `listen`, and is an instance of its own at the same address. This process watches over them. Default: this process serves.
   */
  readonly workers?: number | 'auto' | undefined;
}

const WORKERS_MAX = 256;

/** So many connections cost as much as one with the handshake of TLS. */
const TLS_COSTS = 4;

const UNIX_PATH_BYTES_MAX = 107;
const ALL_INTERFACES: readonly string[] = ['0.0.0.0', '::'];

/**
 * What a container is told by its environment, where the options say nothing: `RPC_PORT`, the port to listen on, and `RPC_ADVERTISE`,
 * the `host`, `host:port` or `[address]:port` by which others reach it. Neither is for a unix socket. And `RPC_WORKERS`, as the option.
 * @throws TypeError naming the variable
 */
export function withEnvironment(
  options: ListenOptions,
  environment: Readonly<Record<string, string | undefined>>,
): ListenOptions {
  if (typeof options !== 'object' || options === null || options.path !== undefined) return options;
  const { RPC_PORT: port, RPC_ADVERTISE: address, RPC_WORKERS: workers } = environment;
  const filled: { -readonly [K in 'port' | 'advertise' | 'workers']?: ListenOptions[K] } = {};
  if (workers && options.workers === undefined) filled.workers = workersFrom(workers);
  if (port && options.port === undefined) filled.port = portFrom('RPC_PORT', port, 0);
  if (address && options.advertise === undefined) {
    const match = /^(?:\[([^\]]+)\]|([^:\s]+)|([^[\]\s]*:[^[\]\s]*:[^[\]\s]*))(?::(\d+))?$/.exec(address);
    if (match === null)
      throw new TypeError(
        `server.listen: RPC_ADVERTISE must be host, host:port or [address]:port, got ${describeValue(address)}`,
      );
    const advertisedPort = match[4] === undefined ? undefined : portFrom('RPC_ADVERTISE', match[4], 1);
    filled.advertise = { host: match[1] ?? match[2] ?? match[3], port: advertisedPort };
  }
  return { ...options, ...filled };
}

function workersFrom(text: string): number | 'auto' {
  const count = Number(text);
  if (text === 'auto' || (/^\d{1,3}$/.test(text) && count >= 1 && count <= WORKERS_MAX))
    return text === 'auto' ? text : count;
  throw new TypeError(
    `server.listen: RPC_WORKERS must be auto or an integer from 1 to ${WORKERS_MAX}, got ${describeValue(text)}`,
  );
}

function portFrom(variable: string, text: string, min: number): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= min && port <= 65_535) return port;
  throw new TypeError(
    `server.listen: ${variable}: the port must be an integer from ${min} to 65535, got ${describeValue(text)}`,
  );
}

/** Whether the options name no address at all: then a registry that only this user can read chooses one. */
export function namesNoAddress({ port, host, advertise, path }: ListenOptions): boolean {
  return (port ?? host ?? advertise ?? path) === undefined;
}

/** Checks the options and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveListenOptions(
  options: ListenOptions,
  isMachineLocal: boolean,
): { host: string; port: number; path: string | undefined; workers: number | undefined } {
  const where = 'server.listen';
  if (typeof options === 'number' || typeof options === 'string')
    throw new TypeError(
      `${where}: options must be an object, got ${describeValue(options)}; write server.listen({ port: 3000 })`,
    );
  assertKnownOptions(where, options, ['port', 'host', 'advertise', 'path', 'anyUser', 'workers']);
  const { port = 0, path, advertise, anyUser = false } = options;
  assertFits(where, 'anyUser', 'true or false', anyUser, typeof anyUser === 'boolean');
  const besidePath = (['port', 'host', 'advertise'] as const).find((name) => options[name] !== undefined);
  if (path !== undefined && besidePath !== undefined)
    throw new TypeError(`${where}: give either path or ${besidePath}, not both`);
  assertNumber(where, 'port', port, { min: 0, max: 65_535, integer: true });
  // `::` accepts IPv4 as well, but is taken only where there is nothing else: not every container has IPv6.
  const everywhere = isIPv6(outwardAddress()) ? '::' : '0.0.0.0';
  const host = options.host ?? (isMachineLocal ? '127.0.0.1' : everywhere);
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
  return { host, port, path, workers: resolveWorkers(where, options) };
}

function resolveWorkers(where: string, options: ListenOptions): number | undefined {
  const { workers, port = 0, path } = options;
  if (workers === undefined) return undefined;
  if (workers !== 'auto') assertNumber(where, 'workers', workers, { min: 1, max: WORKERS_MAX, integer: true });
  if (port === 0 && path === undefined && !namesNoAddress(options))
    throw new TypeError(`${where}: workers share one port, so name it: port 0 is any that is free`);
  return workers === 'auto' ? Math.min(WORKERS_MAX, availableParallelism()) : workers;
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

/**
 * The first address of this machine that others can reach: of IPv4, else of IPv6 but for those that hold on one link only; the
 * loopback address when there is none.
 * @param interfaces - those of the operating system, unless a test says otherwise
 */
export function outwardAddress(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): string {
  const outward = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal);
  const found =
    outward.find(({ family }) => family === 'IPv4') ??
    outward.find(({ family, address }) => family === 'IPv6' && !/^fe[89ab]/i.test(address));
  return found?.address ?? '127.0.0.1';
}

/** Whom a listener tells of what comes. */
export interface ListenerHost {
  onStream(stream: ByteStream): void;
  onError(error: Error): void;
}

/** What a listener takes of the options of its server. */
export interface ListenerParts {
  readonly tls: ServerTlsSource | undefined;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Where connections come from, unless the server listens by itself. */
  readonly bind?: Bind | undefined;
}

/** What the options of `listen` come to. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
}

/**
 * Listens as the server's options say. Which of the two ways is decided here once: a server with TLS has no way to serve
 * without.
 * @throws Error in words for people: address taken, permission denied; TypeError for TLS on a unix socket
 */
export function openListener(
  { tls, codec, limits, clock, bind }: ListenerParts,
  address: ListenAddress,
  host: ListenerHost,
): Promise<Listener> {
  const { connections: connectionsMax, connectionsPerSecond } = limits;
  const perSecond = tls === undefined ? connectionsPerSecond : connectionsPerSecond / TLS_COSTS;
  const target = { ...address, connectionsMax, pace: { clock, perSecond } };
  const onRefused = (stream: ByteStream, reason: string): void =>
    refuseStream({ stream, codec, limits, clock, reason });
  if (tls === undefined)
    return listenTcp(
      target,
      (stream) => host.onStream(stream),
      (error) => host.onError(error),
      onRefused,
      bind,
    );
  if (address.path !== undefined)
    throw new TypeError(
      'server.listen: path and the option tls do not go together: a unix socket stays on the machine',
    );
  return listenTls(target, {
    clock,
    tls,
    handshakeMs: limits.handshakeMs,
    bind,
    onStream: (stream) => host.onStream(stream),
    onRefused,
    onError: (error) => host.onError(error),
  });
}
