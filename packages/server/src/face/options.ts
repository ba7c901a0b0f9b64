import {
  type CallContext,
  type Clock,
  type Layer,
  type Limits,
  type OverloadOptions,
  type Random,
  type ServerConcurrency,
  type StreamLayer,
  systemClock,
  systemRandom,
} from '@org/rpc-core';
import {
  assertBoolean,
  assertFits,
  assertKnownOptions,
  assertList,
  assertName,
  assertNumber,
  POLICIES,
  resolveLimits,
  resolvePolicy,
} from '@org/rpc-core/internal';
import type { Endpoint, Registry } from '@org/rpc-registry';
import { readEndpoint, registryFromEnvironment, resolveNamespace } from '@org/rpc-registry/internal';
import {
  type Codec,
  type CompressionOptions,
  type KeepaliveOptions,
  msgpack,
  type ServerTlsOptions,
} from '@org/rpc-wire';
import {
  createServerTls,
  HeldMemory,
  type ResolvedCompression,
  type ResolvedKeepalive,
  resolveCompression,
  resolveKeepalive,
  type ServerTlsSource,
} from '@org/rpc-wire/internal';
import { type AdminOptions, type ResolvedAdmin, resolveAdmin } from '../admin/admin-options.js';
import type { Authenticate } from '../life/authentication.js';
import { type ConnectionAgeOptions, type ResolvedConnectionAge, resolveConnectionAge } from '../life/connection-age.js';
import { type ResolvedSignals, resolveSignals, type SignalOptions } from '../life/signals.js';
import { type OperatorOptions, type ResolvedOperator, resolveOperator } from '../operator/operator-options.js';
import type { CallerLimits, ServerRateLimit } from '../policy/call-limits.js';
import type { ResolvedOverload } from '../policy/concurrency.js';
import type { InstanceUpdate } from './server-types.js';

/** The layers around handlers, one list for each kind of method. */
export interface ServerLayers {
  /** Around unary and one-way methods, the first outermost. */
  readonly unary?: readonly Layer[] | undefined;
  /**
   * Around streaming methods, the first outermost. A contract with streams refuses `unary` given alone: say `stream: []` when
   * streams need nothing.
   */
  readonly stream?: readonly StreamLayer[] | undefined;
}

/** Options of {@link createServer}. Every one may be left out. */
export interface ServerOptions {
  /**
   * Where the server registers: a value such as `etcd({ hosts })`, or its string form. Default: the environment variable
   * `RPC_REGISTRY`, else `local:`; with `NODE_ENV=production` and neither, an error.
   */
  readonly registry?: Registry | string | undefined;
  /** Keeps environments apart in every registry. Default: `RPC_NAMESPACE`, else `default`. */
  readonly namespace?: string | undefined;
  /**
   * Says who is at the other end of each connection, by certificate and token (the client's option `token`), before anything of its calls is
   * read. With it nobody comes in who has no identity: clients get `UNAUTHENTICATED`. For MessagePack-RPC there is no token.
   * What it says is `peer.identity` for `authorize`, handlers and limits. Default: who has a certificate is known by it, and all may come in.
   */
  readonly authenticate?: Authenticate | undefined;
  /**
   * Runs for every call before its arguments are decoded. Throw an `RpcError` (`UNAUTHENTICATED`, `PERMISSION_DENIED`) to
   * refuse; anything else that is thrown refuses with `INTERNAL`. Only a call for which it returns nothing goes on: whatever else
   * it returns, `true` as well as `false`, refuses with `PERMISSION_DENIED`.
   */
  readonly authorize?: ((call: CallContext) => void | Promise<void>) | undefined;
  readonly layers?: ServerLayers | undefined;
  /** Bounds of each connection; what is left out has its default, see `Limits`. */
  readonly limits?: Partial<Limits> | undefined;
  /** Beyond it calls wait, or are refused with `RESOURCE_EXHAUSTED`, never started. Default: no bound but those of `limits`. */
  readonly concurrency?: ServerConcurrency | undefined;
  /** Calls a second of all connections together. Default: no bound. */
  readonly rateLimit?: ServerRateLimit | undefined;
  /** What holds for each caller by itself. Default: no bound. */
  readonly perCaller?: CallerLimits | undefined;
  /**
   * What happens when handlers hold the event loop: calls wait for the next turn, the most important first, and what cannot be done in time
   * is refused with `RESOURCE_EXHAUSTED`. On with its defaults; `false`: everything is begun as it comes.
   */
  readonly overload?: OverloadOptions | false | undefined;
  readonly codec?: Codec | undefined;
  /**
   * Compresses what is sent when it is large, towards clients that can inflate it: `true` for the defaults, see
   * {@link CompressionOptions}. Default: off. What comes compressed is read in any case.
   */
  readonly compression?: CompressionOptions | boolean | undefined;
  /** When a silent client is asked whether it lives, and what its silence means. */
  readonly keepalive?: KeepaliveOptions | undefined;
  /**
   * How old a connection may become; `false`: any age. Default: an hour where clients are asked who they are, by `authenticate` or
   * `tls.requestClientCertificate`, else any age. With it, no connection outlives the certificate of its client, or what `authenticate` says, but by `graceMs`.
   */
  readonly connectionAge?: ConnectionAgeOptions | false | undefined;
  /** Key and certificates. With it, nothing is accepted in plaintext. Default: plaintext. */
  readonly tls?: ServerTlsOptions | undefined;
  /** The service that peers of MessagePack-RPC mean when they name a method only. Default: the one service, if there is one only. */
  readonly defaultService?: string | undefined;
  /**
   * Whether calls of MessagePack-RPC begin their parameters with a map of texts, the metadata (default false). What the clients
   * of doge do; native clients have a place of their own for it.
   */
  readonly metadataFirst?: boolean | undefined;
  /**
   * Process signals on which the server drains, closes and ends the process, such as `['SIGTERM', 'SIGINT']`; or these with the times of
   * the stop, such as `{ drainMs: 2_000, graceMs: 6_000 }`. A second signal ends the process at once. Default: none are handled.
   */
  readonly signals?: readonly NodeJS.Signals[] | SignalOptions | undefined;
  /**
   * Whether the services, their methods and the JSON Schemas of these can be asked for (`rpc.reflection`), as tools do that call without a
   * contract. Default: with registries of one machine, such as `local:`.
   */
  readonly reflection?: boolean | undefined;
  /** A port for operators and probes: `/livez`, `/readyz`, `/metrics`, `/state`, `/drain`, `/log-level`. Default: none. */
  readonly admin?: AdminOptions | undefined;
  /**
   * Whether tools may look at this server and stop it (`rpc.operator`): `{ token }` for whoever has the token, `true` for callers on its own
   * machine, `false` for nobody. Default: `true` with registries of one machine, such as `local:`, else `false`.
   */
  readonly operator?: OperatorOptions | boolean | undefined;
  /** The instance's id, unique in its namespace. Default: a random one for each process, which is what you want. */
  readonly name?: string | undefined;
  /** Share of the traffic relative to the other instances, 0 to 10,000, default 100. */
  readonly weight?: number | undefined;
  readonly zone?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** The version of the program, shown by tools. */
  readonly version?: string | undefined;
  /** Whether clients are to give it calls as soon as it is registered (default true); `update` changes it. */
  readonly available?: boolean | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
  /** For tests. */
  readonly random?: Random | undefined;
}

/** {@link ServerOptions} with every default in place. */
export interface ResolvedServerOptions {
  readonly registry: Registry;
  readonly namespace: string;
  readonly authenticate: Authenticate | undefined;
  readonly authorize: ((call: CallContext) => void | Promise<void>) | undefined;
  readonly layers: readonly Layer[];
  readonly streamLayers: readonly StreamLayer[] | undefined;
  readonly limits: Limits;
  /** What all connections of the server hold together. */
  readonly memory: HeldMemory;
  readonly concurrencyMax: ServerConcurrency['max'];
  readonly overload: ResolvedOverload | undefined;
  readonly rateLimit: ServerRateLimit | undefined;
  readonly perCaller: CallerLimits | undefined;
  readonly concurrencyQueue: number;
  readonly codec: Codec;
  readonly compression: ResolvedCompression | undefined;
  readonly keepalive: ResolvedKeepalive;
  readonly tls: ServerTlsSource | undefined;
  readonly connectionAge: ResolvedConnectionAge | undefined;
  readonly defaultService: string | undefined;
  readonly metadataFirst: boolean;
  readonly signals: ResolvedSignals;
  readonly reflection: boolean;
  readonly admin: ResolvedAdmin | undefined;
  readonly operator: ResolvedOperator | undefined;
  readonly name: string | undefined;
  readonly weight: number;
  readonly zone: string | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly version: string | undefined;
  readonly available: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

/** What users look for here and what belongs into `listen`. */
const LISTEN_OPTIONS = ['port', 'host', 'path', 'advertise'] as const;

const KNOWN: readonly (keyof ServerOptions)[] = [
  'registry',
  'namespace',
  'authenticate',
  'authorize',
  'layers',
  'limits',
  'concurrency',
  'overload',
  'rateLimit',
  'perCaller',
  'codec',
  'compression',
  'keepalive',
  'connectionAge',
  'tls',
  'defaultService',
  'metadataFirst',
  'signals',
  'reflection',
  'admin',
  'operator',
  'name',
  'weight',
  'zone',
  'tags',
  'version',
  'available',
  'clock',
  'random',
];

/** Checks the options and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveServerOptions(options: ServerOptions): ResolvedServerOptions {
  const where = 'createServer';
  const ofListen =
    typeof options === 'object' && options !== null ? LISTEN_OPTIONS.find((name) => name in options) : undefined;
  if (ofListen !== undefined)
    throw new TypeError(`${where}: ${ofListen} is for listen: write server.listen({ ${ofListen}: ... })`);
  assertKnownOptions(where, options, KNOWN);
  if (options.layers !== undefined) assertKnownOptions(`${where}: layers`, options.layers, ['unary', 'stream']);
  checkValues(where, options);
  if (options.concurrency !== undefined) {
    resolvePolicy(where, { ...POLICIES.serverConcurrency, option: 'concurrency' }, options.concurrency);
  }
  const weight = options.weight ?? 100;
  assertNumber(where, 'weight', weight, { min: 0, max: 10_000 });
  if (options.defaultService !== undefined) assertName(`${where}: defaultService`, options.defaultService);
  if (options.metadataFirst !== undefined) assertBoolean(where, 'metadataFirst', options.metadataFirst);
  if (options.reflection !== undefined) assertBoolean(where, 'reflection', options.reflection);
  if (options.available !== undefined) assertBoolean(where, 'available', options.available);
  if (options.name !== undefined) assertName(`${where}: name`, options.name);
  const registry = registryFromEnvironment(where, options.registry);
  const limits = resolveLimits(where, options.limits);
  return {
    registry,
    namespace: resolveNamespace(where, options.namespace),
    authenticate: options.authenticate,
    authorize: options.authorize,
    layers: options.layers?.unary ?? [],
    streamLayers: options.layers?.stream,
    limits,
    memory: new HeldMemory(limits.heldBytes),
    concurrencyMax: options.concurrency?.max ?? Number.POSITIVE_INFINITY,
    concurrencyQueue: options.concurrency?.queue ?? 0,
    overload: resolveOverload(where, options.overload),
    rateLimit: options.rateLimit,
    perCaller: options.perCaller,
    codec: options.codec ?? msgpack(),
    compression: resolveCompression(where, options.compression),
    keepalive: resolveKeepalive(where, options.keepalive),
    tls: options.tls === undefined ? undefined : createServerTls(where, options.tls),
    connectionAge: resolveConnectionAge(
      where,
      options.connectionAge,
      options.authenticate !== undefined || (options.tls?.requestClientCertificate ?? false) !== false,
    ),
    defaultService: options.defaultService,
    metadataFirst: options.metadataFirst ?? false,
    signals: resolveSignals(where, options.signals),
    reflection: options.reflection ?? registry.isMachineLocal === true,
    admin: resolveAdmin(where, options.admin),
    operator: resolveOperator(where, options.operator, registry.isMachineLocal === true),
    name: options.name,
    weight,
    zone: options.zone,
    tags: options.tags,
    version: options.version,
    available: options.available ?? true,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function resolveOverload(where: string, overload: OverloadOptions | false | undefined): ResolvedOverload | undefined {
  if (overload === false) return undefined;
  if (overload !== undefined) assertKnownOptions(`${where}: overload`, overload, ['turnMs', 'queue']);
  const { turnMs = 100, queue } = overload ?? {};
  assertNumber(where, 'overload.turnMs', turnMs, { min: 10, max: 10_000 });
  if (queue !== undefined) assertNumber(where, 'overload.queue', queue, { min: 0, max: 1_000_000, integer: true });
  return { turnMs, queue };
}

function checkValues(where: string, options: ServerOptions): void {
  const { layers, authenticate, authorize, codec, zone, tags, version } = options;
  assertList(where, 'layers.unary', 'the functions that are layers', layers?.unary, isFunction);
  assertList(where, 'layers.stream', 'the functions that are layers', layers?.stream, isFunction);
  const isAuthenticate = authenticate === undefined || isFunction(authenticate);
  assertFits(where, 'authenticate', 'a function', authenticate, isAuthenticate);
  assertFits(where, 'authorize', 'a function', authorize, authorize === undefined || isFunction(authorize));
  const isCodec = codec === undefined || isFunction(codec?.encode);
  assertFits(where, 'codec', 'a codec such as msgpack()', codec, isCodec);
  checkInstanceData(where, { zone, tags, version });
}

/** What goes into the registry must be fit for it before anything listens. */
function checkInstanceData(where: string, data: object): void {
  readEndpoint(where, { ...data, id: 'id', host: 'host', port: 1 });
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Checks what an instance is to say of itself from now on. @throws TypeError naming option, value and bound */
export function resolveInstanceUpdate(change: InstanceUpdate): Partial<Endpoint> {
  assertKnownOptions('server.update', change, ['weight', 'tags', 'available']);
  const { available, ...data } = change;
  checkInstanceData('server.update', data);
  if (available !== undefined) assertBoolean('server.update', 'available', available);
  const state = available === undefined ? undefined : available ? 'up' : 'unavailable';
  return Object.fromEntries(Object.entries({ ...data, state }).filter(([, value]) => value !== undefined));
}
