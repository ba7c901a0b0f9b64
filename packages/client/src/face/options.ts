import {
  type BreakerOptions,
  type ClientPolicyOptions,
  type Clock,
  type Layer,
  type Limits,
  type Metadata,
  type Random,
  type StreamLayer,
  systemClock,
  systemRandom,
} from '@org/rpc-core';
import {
  assertFits,
  assertKnownOptions,
  assertList,
  assertName,
  type Complete,
  checkPolicyOptions,
  completeValues,
  POLICIES,
  policyOptionNames,
  randomId,
  resolveLimits,
  resolvePolicy,
} from '@org/rpc-core/internal';
import type { Endpoint, Registry } from '@org/rpc-registry';
import { readEndpoint, registryFromEnvironment, resolveNamespace } from '@org/rpc-registry/internal';
import {
  type ClientProtocol,
  type ClientTlsOptions,
  type Codec,
  type CompressionOptions,
  type InProcessServer,
  type KeepaliveOptions,
  msgpack,
} from '@org/rpc-wire';
import {
  type ClientTlsSource,
  createClientTls,
  type Dial,
  type ResolvedCompression,
  type ResolvedKeepalive,
  resolveCompression,
  resolveKeepalive,
  unfitToken,
} from '@org/rpc-wire/internal';
import { guardedRegistry } from '../nodes/guarded-registry.js';
import { type InProcess, inProcess } from '../nodes/in-process.js';
import { type TokenOption, TokenSource } from '../nodes/token-source.js';
import { p2c } from '../picker/p2c.js';
import type { PickerFactory } from '../picker/picker.js';
import { assertPicker, type ServiceConfiguration } from './configure.js';
import { type Propagation, propagatedKeys } from './propagation.js';

/** The layers around calls, one list for each kind of method. */
export interface ClientLayers {
  /** Around unary and one-way calls, the first outermost: each sees the call as the user made it, before any retry. */
  readonly unary?: readonly Layer[] | undefined;
  /**
   * Around streaming calls, the first outermost. With `unary` alone, a contract with streams is refused: give `stream: []` when
   * streams need no layers.
   */
  readonly stream?: readonly StreamLayer[] | undefined;
}

/** Options of {@link createClient}. Every one may be left out. */
export interface ClientOptions extends ClientPolicyOptions {
  /**
   * Where servers are found: a value such as `etcd({ hosts })`, or its string form. Default: the environment variable
   * `RPC_REGISTRY`, else `local:`; with `NODE_ENV=production` and neither, an error.
   */
  readonly registry?: Registry | string | undefined;
  /**
   * A server of this process, in place of `registry`. It is called without a socket and need not listen; everything else is as between
   * processes, including copies of values. Default: servers are found in the registry.
   */
  readonly server?: InProcessServer | undefined;
  /** Keeps environments apart in every registry. Default: `RPC_NAMESPACE`, else `default`. */
  readonly namespace?: string | undefined;
  /**
   * Whether this client may connect to an endpoint that the registry lists, such as `({ host }) => host.startsWith('10.')`: for a registry
   * that not only trusted people can write to. An endpoint for which it returns false or throws counts as not listed, and emits an event.
   * Default: every endpoint.
   */
  readonly acceptEndpoint?: ((endpoint: Endpoint) => boolean) | undefined;
  /** The name of this client in reports about rules; it also decides which rules with a share apply. Unique. Default: a random name. */
  readonly name?: string | undefined;
  /** Metadata for every call, such as credentials; a function is asked for each call. Metadata of the call itself takes precedence. */
  readonly metadata?: Metadata | (() => Metadata | Promise<Metadata>) | undefined;
  /**
   * Proves this client's identity to servers that ask for it (`authenticate`): a text, or a function that is asked for each new connection.
   * Visible ASCII characters, at most 6,144. Use TLS unless you trust everybody on the way. It appears in no log, error or state.
   * Default: none.
   */
  readonly token?: TokenOption | undefined;
  /**
   * Where this client is, such as a rack or a data center: for pickers that prefer servers of the same `zone`. Default:
   * unknown.
   */
  readonly zone?: string | undefined;
  /** How a node is chosen for each attempt (default `p2c()`). */
  readonly balancer?: PickerFactory | undefined;
  /** Options for single services and methods, made by {@link configure}. */
  readonly services?: readonly ServiceConfiguration[] | undefined;
  readonly layers?: ClientLayers | undefined;
  readonly codec?: Codec | undefined;
  /**
   * Compresses large messages to servers that can inflate them: `true` for the defaults, see
   * {@link CompressionOptions}. Default: off. Compressed messages from servers are read in any case.
   */
  readonly compression?: CompressionOptions | boolean | undefined;
  /** When a silent server gets a PING, and what its silence means. */
  readonly keepalive?: KeepaliveOptions | undefined;
  /** TLS for every connection, nothing in plaintext; `true` trusts the well-known authorities. Default: plaintext. */
  readonly tls?: ClientTlsOptions | true | undefined;
  /** The protocol spoken with the servers. Default: the native one; `messagePackRpc()` for servers in other languages. */
  readonly protocol?: ClientProtocol | undefined;
  /** Bounds of each connection; what is left out has its default. */
  readonly limits?: Partial<Limits> | undefined;
  /**
   * Metadata keys of the call being served that are passed on with calls that its handler makes (default: `traceparent` and
   * `baggage`); `configure` sets them for a single service.
   */
  readonly propagate?: Propagation | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
  /** For tests. */
  readonly random?: Random | undefined;
}

/** {@link ClientOptions} with every default in place. */
export interface ResolvedClientOptions {
  readonly registry: Registry;
  /** How to reach a server of this process; `undefined` when servers are dialled. */
  readonly dial: Dial | undefined;
  readonly namespace: string;
  readonly name: string;
  /** The same if it was given, not made up. */
  readonly caller: string | undefined;
  readonly metadata: Metadata | (() => Metadata | Promise<Metadata>) | undefined;
  readonly token: TokenSource | undefined;
  readonly zone: string | undefined;
  readonly balancer: PickerFactory;
  readonly breaker: Complete<BreakerOptions>;
  readonly policy: ClientPolicyOptions;
  readonly services: ReadonlyMap<string, ServiceConfiguration>;
  readonly layers: readonly Layer[];
  readonly streamLayers: readonly StreamLayer[] | undefined;
  readonly codec: Codec;
  readonly compression: ResolvedCompression | undefined;
  readonly keepalive: ResolvedKeepalive;
  readonly tls: ClientTlsSource | undefined;
  readonly protocol: ClientProtocol | undefined;
  readonly limits: Limits;
  readonly propagate: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
}

const KNOWN: readonly string[] = [
  'registry',
  'server',
  'namespace',
  'acceptEndpoint',
  'name',
  'metadata',
  'token',
  'zone',
  'balancer',
  'services',
  'layers',
  'codec',
  'compression',
  'keepalive',
  'tls',
  'protocol',
  'limits',
  'propagate',
  'clock',
  'random',
  ...policyOptionNames('client'),
];

/** Checks the options and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const where = 'createClient';
  assertKnownOptions(where, options, KNOWN);
  if (options.layers !== undefined) assertKnownOptions(`${where}: layers`, options.layers, ['unary', 'stream']);
  checkValues(where, options);
  const { acceptEndpoint, token, clock = systemClock } = options;
  const own = ownServer(where, options);
  const found = own?.registry ?? registryFromEnvironment(where, options.registry);
  const name = options.name ?? randomId();
  return {
    registry: acceptEndpoint === undefined ? found : guardedRegistry(found, acceptEndpoint),
    dial: own?.dial,
    namespace: resolveNamespace(where, options.namespace),
    name,
    caller: options.name,
    metadata: options.metadata,
    token: token === undefined ? undefined : new TokenSource(token, clock),
    zone: options.zone,
    balancer: options.balancer ?? p2c(),
    breaker: completeValues(POLICIES.breaker, resolvePolicy(where, POLICIES.breaker, options.breaker)),
    policy: checkPolicyOptions(where, 'client', { ...options }),
    services: servicesByName(where, options.services ?? []),
    layers: options.layers?.unary ?? [],
    streamLayers: options.layers?.stream,
    codec: options.codec ?? msgpack(),
    compression: resolveCompression(where, options.compression),
    keepalive: resolveKeepalive(where, options.keepalive),
    tls: options.tls === undefined ? undefined : createClientTls(where, options.tls),
    protocol: options.protocol,
    limits: resolveLimits(where, options.limits),
    propagate: propagatedKeys(where, options.propagate),
    clock,
    random: options.random ?? systemRandom,
  };
}

function checkValues(where: string, options: ClientOptions): void {
  const { layers, services, balancer, codec, metadata, protocol, acceptEndpoint: accept } = options;
  if (options.name !== undefined) assertName(`${where}: name`, options.name);
  // The same rules as for the zone of an instance, so that the two can be equal.
  readEndpoint(where, { id: 'id', host: 'host', port: 1, zone: options.zone });
  assertList(where, 'layers.unary', 'the functions that are layers', layers?.unary, isFunction);
  assertList(where, 'layers.stream', 'the functions that are layers', layers?.stream, isFunction);
  assertList(where, 'services', 'what configure(Definition, options) gives', services, isConfiguration);
  assertPicker(where, balancer);
  const isCodec = codec === undefined || isFunction(codec?.encode);
  assertFits(where, 'codec', 'a codec such as msgpack()', codec, isCodec);
  assertFits(where, 'acceptEndpoint', 'a function', accept, accept === undefined || isFunction(accept));
  const isProtocol = protocol === undefined || isFunction(protocol?.open);
  assertFits(where, 'protocol', 'a protocol such as messagePackRpc()', protocol, isProtocol);
  checkToken(where, options.token, protocol);
  const isSource =
    metadata === undefined || isFunction(metadata) || (typeof metadata === 'object' && metadata !== null);
  assertFits(where, 'metadata', 'an object of texts or a function that gives one', metadata, isSource);
}

function ownServer(where: string, { server, registry, tls }: ClientOptions): InProcess | undefined {
  if (server === undefined) return undefined;
  if (registry !== undefined) throw new TypeError(`${where}: server takes the place of registry: give one of them`);
  if (tls !== undefined) throw new TypeError(`${where}: server is called without a socket, so tls has nothing to do`);
  return inProcess(where, server);
}

/** Errors show nothing of the token. */
function checkToken(where: string, token: TokenOption | undefined, protocol: ClientProtocol | undefined): void {
  if (token === undefined) return;
  if (protocol !== undefined)
    throw new TypeError(
      `${where}: token: ${protocol.name} has no place for one: use a certificate (tls), or metadata where its servers read it`,
    );
  const fault = isFunction(token) ? undefined : unfitToken(token);
  if (fault !== undefined) throw new TypeError(`${where}: token must be a ${fault}, or a function that gives one`);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isConfiguration(value: unknown): boolean {
  return typeof (value as Partial<ServiceConfiguration> | null)?.definition?.name === 'string';
}

function servicesByName(
  where: string,
  configurations: readonly ServiceConfiguration[],
): Map<string, ServiceConfiguration> {
  const byName = new Map<string, ServiceConfiguration>();
  for (const configuration of configurations) {
    const { name } = configuration.definition;
    if (byName.has(name)) throw new TypeError(`${where}: services configures "${name}" twice`);
    byName.set(name, configuration);
  }
  return byName;
}
