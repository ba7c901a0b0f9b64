import { type Peer, RpcError, type ServiceDefinition, type ServiceHandlers } from '@org/rpc-core';
import { allowManyCalls, everySecond, randomId } from '@org/rpc-core/internal';
import { type Endpoint, endpointAddress } from '@org/rpc-registry';
import type { ServerTlsOptions } from '@org/rpc-wire';
import {
  type ByteStream,
  type IncomingCall,
  type Listener,
  ServerConnection,
  type ServerHost,
  serveMessagePackRpc,
} from '@org/rpc-wire/internal';
import { Dispatcher } from '../dispatcher.js';
import type { Handler } from '../handler.js';
import { Authentication } from '../life/authentication.js';
import { ConnectionAges } from '../life/connection-age.js';
import { Connections } from '../life/connections.js';
import {
  type CloseOptions,
  type Drain,
  type DrainHost,
  drainServer,
  resolveCloseOptions,
  stopTimeMs,
} from '../life/drain.js';
import { type OwnSecret, ownSecret } from '../life/own-secret.js';
import { ownEndpoint, Publication } from '../life/publication.js';
import { onSignals, type ResolvedSignals } from '../life/signals.js';
import type { ServiceLimits } from '../policy/call-limits.js';
import { ServedRules } from '../rules/served-rules.js';
import { ServedContracts } from '../served-contracts.js';
import type { ServerState } from '../state.js';
import type { Order } from '../workers/messages.js';
import { OwnPrimary } from '../workers/own-primary.js';
import { WatchedWorkers, type WatchedWorkersParts } from '../workers/watched-workers.js';
import { BuiltIns } from './built-ins.js';
import type { ServerEvents } from './events.js';
import {
  advertisedEndpoint,
  type ListenOptions,
  namesNoAddress,
  openListener,
  resolveListenOptions,
  withEnvironment,
} from './listen-options.js';
import { Observers } from './observers.js';
import {
  type ResolvedServerOptions,
  resolveInstanceUpdate,
  resolveServerOptions,
  type ServerOptions,
} from './options.js';
import { ServedCalls } from './served-calls.js';
import type { InstanceUpdate, Server, ServerAddress } from './server-types.js';

const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/**
 * Makes a server. Does no I/O: `listen` does.
 * @throws TypeError for a wrong option, naming option, value and bound
 * @example
 * ```ts
 * const server = createServer({ signals: ['SIGTERM', 'SIGINT'] });
 * server.add(Calculator, { sum: (x, y) => x + y });
 * await server.listen({ port: 4399 });
 * ```
 */
export function createServer(options: ServerOptions = {}): Server {
  return new RpcServer(resolveServerOptions(options));
}

/** How often a server looks after its connections. */
const TICK_MS = 1_000;

/** The server itself: what its connections ask of it, and its life from `listen` to `close`. */
export class RpcServer implements Server, ServerHost<Handler>, DrainHost {
  readonly instance: string;
  readonly authenticate: ServerHost['authenticate'];
  readonly #options: ResolvedServerOptions;
  readonly #dispatcher: Dispatcher;
  readonly #contracts: ServedContracts;
  readonly #calls: ServedCalls;
  readonly #rules: ServedRules;
  readonly #observers: Observers;
  readonly #connections: Connections<Handler>;
  readonly #builtIns: BuiltIns;
  readonly #startedAt: number;
  readonly #publication = new Publication();
  readonly #primary: OwnPrimary | undefined = OwnPrimary.of(process);
  #workers: WatchedWorkers | undefined;
  #secret: OwnSecret | undefined;
  #listener: Listener | undefined;
  #cancelTick: (() => void) | undefined;
  #offSignals: (() => void) | undefined;
  #offOrders: (() => void) | undefined;
  #onEmpty: (() => void) | undefined;
  readonly #draining = new AbortController();
  #listening = false;
  #closing: Drain | undefined;
  #isClosed = false;
  #left: Promise<void> | undefined;

  constructor(options: ResolvedServerOptions) {
    this.#options = options;
    const suffix = this.#primary === undefined ? '' : `-${this.#primary.number}`;
    this.instance = options.name === undefined ? randomId() : options.name + suffix;
    this.#observers = new Observers(this.instance);
    allowManyCalls(this.#draining.signal);
    this.#contracts = new ServedContracts(this.instance, (event) => this.#observers.emit('contractDiffers', event));
    const { layers, streamLayers, defaultService } = options;
    this.#dispatcher = new Dispatcher(layers, streamLayers, defaultService, this.#contracts);
    this.#builtIns = new BuiltIns(options, this, this.#dispatcher, this.#draining.signal);
    this.#calls = new ServedCalls(options, {
      ...{ instance: this.instance, dispatcher: this.#dispatcher },
      tally: this.#builtIns.tally,
      presentable: (thrown, call) => this.#observers.presentable(thrown, call),
      onEnded: () => this.#checkEmpty(),
      onOutlived: (event) => this.#observers.emit('handlerOutlived', event),
      onDropped: (event) => this.#observers.emit('oneWayDropped', event),
      tellDark: ({ service }, policy, { method }) => this.#rules.count(service, policy, method),
    });
    this.#rules = new ServedRules({
      instance: this.instance,
      clock: options.clock,
      apply: (service, rules) => this.#calls.applyRules(service, rules),
      emit: (event) => this.#observers.rules(event),
    });
    this.#startedAt = options.clock.now();
    const { authenticate, connectionAge, clock, random } = options;
    const door =
      authenticate &&
      new Authentication(authenticate, clock, (event) => this.#observers.emit('authenticationFailed', event));
    this.authenticate = door && ((newcomer) => door.ask(newcomer));
    this.#connections = new Connections(connectionAge && new ConnectionAges(connectionAge, clock, random));
  }

  get registered(): Promise<void> {
    return this.#workers?.registered ?? this.#publication.registered;
  }

  add<D extends ServiceDefinition<object>>(d: D, handlers: NoInfer<ServiceHandlers<D>>, limits?: ServiceLimits): this {
    if (this.#listening) throw new TypeError('server.add: add services before listen()');
    this.#dispatcher.add(d as ServiceDefinition, handlers as object, (it) => this.#calls.limitsOf(it, limits));
    return this;
  }

  async listen(given: ListenOptions = {}): Promise<ServerAddress> {
    const options = withEnvironment(given, process.env);
    if (this.#closing !== undefined) throw new TypeError('server.listen: the server is closed; create another one');
    if (this.#listening) throw new TypeError('server.listen: it listens already');
    const { registry, signals, defaultService, tls } = this.#options;
    if (defaultService !== undefined && !this.#dispatcher.services.includes(defaultService))
      throw new TypeError(`server.listen: defaultService "${defaultService}" is no service that was added`);
    const target = resolveListenOptions(options, registry.isMachineLocal === true);
    if (target.workers !== undefined && this.#primary === undefined) return this.#watchOver(target.workers);
    if (this.#builtIns.registeredServices.length === 0)
      process.emitWarning(
        'server.listen: this server has no service, so nobody can call it: add some with server.add(...) before listen()',
      );
    this.#listening = true;
    try {
      const isPrivate = tls === undefined && namesNoAddress(options);
      const path = target.path ?? (isPrivate ? await registry.privateSocket?.() : undefined);
      const where = { ...target, path };
      const { authenticate, authorize } = this.#options;
      const knowsCallers =
        (authenticate ?? authorize) !== undefined || tls?.current.options.requestClientCertificate === 'require';
      this.#secret = ownSecret({ registry, address: where, knowsCallers, anyUser: options.anyUser === true });
      const stopMs = stopTimeMs(signals, registry.drainLeadMs);
      // Of several servers of a program it is the one that has the workers which says what they do.
      if (target.workers !== undefined) this.#offOrders = this.#primary?.obey(this);
      const bind = this.#primary?.binding(this.instance, stopMs, where, path !== target.path);
      this.#listener = await openListener({ ...this.#options, bind }, where, {
        onStream: (stream) => this.accept(stream),
        onError: (error) => this.#observers.emit('acceptError', { error }),
      });
    } catch (error) {
      this.#listening = false;
      this.#offOrders?.();
      throw error;
    }
    const { address } = this.#listener;
    this.#primary?.listens(address);
    if (this.#closing !== undefined) {
      await this.#listener.close();
      return address;
    }
    try {
      // There is one port for all workers, and their primary has it.
      if (this.#primary === undefined) await this.#builtIns.openAdmin();
      if (this.#closing !== undefined) return address;
      this.#publish({ ...advertisedEndpoint(options.advertise, address), secret: this.#secret?.secret });
    } catch (error) {
      await this.close({ drainMs: 0, graceMs: 0, reason: 'it could not begin' });
      throw error;
    }
    this.#beginTicks();
    this.#offSignals = this.#listenToSignals(signals);
    // A registry of this machine is written quickly, and a call right after `listen` should find the server.
    if (registry.isMachineLocal === true) await this.#publication.untilRegistered(this.#options.clock);
    return address;
  }

  /** @returns stops listening */
  #listenToSignals({ names, ...times }: ResolvedSignals): () => void {
    if (this.#primary !== undefined) return this.#primary.onStop((given) => this.close({ ...times, ...given }));
    return onSignals(names, (signal) => this.close({ ...times, reason: `received ${signal}` }));
  }

  async #watchOver(count: number): Promise<ServerAddress> {
    this.#listening = true;
    try {
      const tell: WatchedWorkersParts['tell'] = (event) => this.#observers.emit('worker', event);
      this.#workers = await WatchedWorkers.start({ ...this.#options, count, tell });
      await this.#builtIns.openAdmin();
    } catch (error) {
      this.#listening = false;
      await this.#workers?.drain(resolveCloseOptions({ graceMs: 0 })).done;
      throw error;
    }
    this.#offSignals = this.#listenToSignals(this.#options.signals);
    return this.#workers.announce(this.#dispatcher.services);
  }

  setTls(change: Partial<ServerTlsOptions>): void {
    const { tls } = this.#options;
    if (tls === undefined) throw new TypeError('server.setTls: the server was made without the option tls');
    tls.update('server.setTls', change);
    this.#order({ what: 'setTls', change });
  }

  /** What has been checked here is for all workers; one that cannot do it is an event. */
  #order(order: Order): void {
    this.#workers?.order(order).catch(() => {});
  }

  accept(stream: ByteStream, isOwn = false): void {
    if (this.#isClosed)
      throw Object.assign(new Error(`the server ${this.instance} is closed`), { code: 'ECONNREFUSED' });
    const { codec, compression, keepalive, limits, memory, clock } = this.#options;
    const connection = new ServerConnection<Handler>({
      stream,
      codec,
      compression,
      keepalive,
      limits,
      memory,
      clock,
      host: this,
      secret: isOwn
        ? undefined
        : this.#secret && { text: this.#secret.secret.reveal(), isDemanded: this.#secret.isDemanded },
      messagePackRpc: serveMessagePackRpc,
    });
    this.#connections.add(connection);
    this.#beginTicks();
    this.#observers.emit('connectionOpened', { peer: stream.peer.address });
  }

  /** It looks after connections and calls about once a second. */
  #beginTicks(): void {
    if (this.#cancelTick !== undefined) return;
    const { lag } = this.#builtIns.tally;
    lag.begin(this.#options.clock.now());
    this.#cancelTick = everySecond(this.#options.clock, (now) => {
      lag.tick(now, TICK_MS);
      this.#connections.tick(now);
      this.#calls.tick(this.#connections.calls(), now, now + TICK_MS);
      this.#rules.tick();
      this.#primary?.tellState(this.state());
    });
  }

  async update(change: InstanceUpdate): Promise<void> {
    const resolved = resolveInstanceUpdate(change);
    if (this.#workers !== undefined) return this.#workers.order({ what: 'update', change });
    if (!this.#listening) throw new TypeError('server.update: the server does not listen');
    await this.#publication.update(resolved);
  }

  get running(): number {
    return this.#calls.running;
  }

  health(service: string, status: 'serving' | 'not-serving'): void {
    this.#builtIns.health.set(service, status);
    this.#order({ what: 'health', service, status });
  }

  state(): ServerState {
    const live = (this.#listener ?? this.#workers) === undefined ? 'new' : 'serving';
    const own: ServerState = {
      schema: 1,
      instance: this.instance,
      status: this.#isClosed ? 'closed' : this.#closing === undefined ? live : 'draining',
      address: this.#listener?.address,
      admin: this.#builtIns.adminAddress,
      uptimeMs: Math.floor(this.#options.clock.now() - this.#startedAt),
      registry: { name: this.#options.registry.display, ...this.#publication.state },
      services: this.#builtIns.health.services,
      ...this.#calls.state(),
      rules: this.#rules.state(),
      connections: this.#connections.size,
    };
    return this.#workers?.state(own) ?? own;
  }

  /** What an operator asks for. */
  drain(): void {
    const { drainMs, graceMs } = this.#options.signals;
    void this.close({ drainMs, graceMs, reason: 'an operator asked for it' });
  }

  /** What printing shows: a private field shows nothing. */
  [INSPECT](): string {
    const where =
      this.#listener === undefined ? 'not listening' : `listening on ${endpointAddress(this.#listener.address)}`;
    return `Server { ${this.instance}, ${where}, registry ${this.#options.registry.display}, services: ${this.#dispatcher.services.join(', ') || 'none'} }`;
  }

  on<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): this {
    this.#observers.on(event, listener);
    return this;
  }

  off<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): this {
    this.#observers.off(event, listener);
    return this;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const resolved = resolveCloseOptions(options);
    if (this.#closing === undefined) {
      const { clock, registry } = this.#options;
      if (this.#workers !== undefined) this.#closing = this.#workers.drain(resolved);
      else this.#closing = drainServer(clock, registry.drainLeadMs, resolved, this);
      // Before those who wait for the end go on and perhaps end the process.
      void this.#closing.done.then(() => {
        this.#isClosed = true;
        this.#builtIns.closeAdmin();
        this.#observers.emit('closed');
      });
    } else this.#closing.shorten(resolved.graceMs);
    await this.#closing.done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ServerHost

  get self(): ServerHost['self'] {
    const { clock, metadataFirst } = this.#options;
    const uptimeMs = Math.floor(clock.now() - this.#startedAt);
    return { instance: this.instance, uptimeMs, metadataFirst, draining: this.#draining.signal };
  }

  authenticated(connection: Parameters<Connections<Handler>['authenticated']>[0]): void {
    this.#connections.authenticated(connection);
  }

  find(name: string, serviceLength?: number): Handler | RpcError {
    return serviceLength === undefined ? this.#dispatcher.findPath(name) : this.#dispatcher.find(name, serviceLength);
  }

  serve(call: IncomingCall<Handler>, bytes: Buffer, start: number, end: number): void {
    this.#calls.serve(call, bytes, start, end);
  }

  readonly stallBefore = (readAt: number): number => this.#calls.stallBefore(readAt);
  readonly dropped = (error: RpcError, peer: Peer, of?: Handler): void => this.#calls.dropped(error, peer, of);
  readonly load = (ending: number): number => this.#calls.load(ending);

  contracts(theirs: string, peer: Peer): string | undefined {
    return this.#contracts.answer(theirs, peer);
  }

  closed(connection: ServerConnection<Handler>, reason: string): void {
    this.#connections.delete(connection);
    this.#checkEmpty();
    this.#observers.emit('connectionClosed', { peer: connection.peer.address, reason });
  }

  #publish(location: Pick<Endpoint, 'host' | 'port' | 'path' | 'secret'>): void {
    const { registry, namespace, clock, random } = this.#options;
    const services = this.#builtIns.registeredServices;
    const onEvent = this.#observers.ofRegistry();
    const isShared = this.#primary?.isShared(location.port) ?? false;
    const endpoint = ownEndpoint({ ...this.#options, isShared }, this.instance, location);
    this.#publication.open(registry, { namespace, clock, random, onEvent }, services, endpoint);
    this.#rules.open(this.#publication.rules, services);
    this.registered.then(
      () => {
        this.#primary?.tell({ kind: 'registered' });
        this.#observers.emit('registered', { instance: this.instance, services });
      },
      () => {},
    );
  }

  announce(reason: string): void {
    this.#draining.abort(new RpcError('UNAVAILABLE', reason));
    this.#observers.emit('draining', { reason });
    // Neither the registry nor a client may delay the drain.
    this.#publication.update({ state: 'draining' }).catch(() => {});
    this.#connections.drain(reason);
  }

  connections(): number {
    return this.#connections.size;
  }

  refuseNew(reason: string): void {
    this.#connections.refuseNew(reason);
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  untilEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#checkEmpty();
    });
  }

  endAll(reason: string): void {
    this.#connections.endAll(reason);
    this.#cancelTick?.();
    this.#builtIns.tally.lag.end();
  }

  async untilGone(): Promise<void> {
    await this.#listener?.gone;
  }

  async #leave(): Promise<void> {
    this.#offSignals?.();
    this.#offOrders?.();
    this.#rules.close();
    await Promise.all([this.#listener?.close(), this.#publication.close()]);
  }

  #checkEmpty(): void {
    if (this.#calls.size === 0 && this.#connections.size === 0) this.#onEmpty?.();
  }
}
