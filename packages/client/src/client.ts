import {
  Call,
  type CallOptions,
  type InterfaceClient,
  type MethodArgs,
  type MethodDefinition,
  type MethodName,
  type MethodResult,
  type MustName,
  type RegistryHandle,
  type ServiceClient,
  type ServiceDefinition,
} from '@org/rpc-core';
import {
  assertKnownOptions,
  assertName,
  assertNumber,
  assertServiceDefinition,
  type Dial,
  dialTcp,
  rpcError,
  TIMEOUT_BOUNDS,
  TimerQueue,
  wireName,
} from '@org/rpc-core/internal';
import { EventEmitter } from 'eventemitter3';
import { Balancer, type Emit } from './balancer.js';
import { type Channel, composeRoute, createChannel } from './channel.js';
import type { ClientEvents } from './events.js';
import { type ClientOptions, type ResolvedClientOptions, resolveClientOptions } from './options.js';
import { BreakerGroup } from './policy/breaker-group.js';
import { Pool } from './pool.js';
import { type ClientRoute, UNKNOWN_METHOD } from './route.js';
import { startCall } from './start-call.js';
import { type ClientState, clientState } from './state.js';
import { checkedOptions, createInterfaceStub, createStub } from './stub.js';

/** Connections and nodes are looked after this often. */
const TICK_MS = 1000;

/** How long `ready` waits unless told otherwise, in milliseconds. */
const READY_TIMEOUT_MS = 30_000;

/** How long to wait for a service. */
export interface ReadyOptions {
  /** In milliseconds (default 30,000). */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls services. Made by {@link createClient}; one for a whole process is usual. It opens its registry and its connections
 * with the first use of a service, and owns them until `close`.
 */
export interface Client {
  /** The stub of a contract: its methods as functions that return promises. */
  service<D extends ServiceDefinition<object>>(definition: D, options?: CallOptions): ServiceClient<D>;
  /** The stub of a service that is known by name and a plain interface: `client.service<Users>('users')`. */
  service<I extends object = never>(
    name: [I] extends [never] ? MustName : string,
    options?: CallOptions,
  ): InterfaceClient<I>;
  /** Calls one method of a contract. */
  call<D extends ServiceDefinition<object>, const K extends MethodName<D>>(
    definition: D,
    method: K,
    args: MethodArgs<D, K>,
    options?: CallOptions,
  ): Promise<MethodResult<D, K>>;
  /** Calls a method by its names, where no contract is at hand. */
  call<T = unknown>(service: string, method: string, args: readonly unknown[], options?: CallOptions): Promise<T>;
  /**
   * Resolves when a node of the service is connected; worth awaiting before the first call of a process.
   * @throws RpcError DEADLINE_EXCEEDED that says what is missing, CANCELLED
   */
  ready(service: ServiceDefinition<object> | string, options?: ReadyOptions): Promise<void>;
  /** What the client knows now: services, endpoints, connections. */
  state(): ClientState;
  on<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this;
  off<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this;
  /** Closes connections and registry at once; calls in flight fail with `UNAVAILABLE`. Idempotent, never rejects. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a client. Does no I/O: the first use of a service does.
 * @throws TypeError for a wrong option, naming option, value and bound
 * @example
 * ```ts
 * const client = createClient({ registry: 'local:' });
 * const calculator = client.service(Calculator);
 * await calculator.sum(1, 2);
 * ```
 */
export function createClient(options: ClientOptions = {}): Client {
  const resolved = resolveClientOptions(options);
  return new RpcClient(resolved, (target) => dialTcp(resolved.clock, target));
}

/** The client itself: routes, balancers, and what they share. */
export class RpcClient implements Client {
  readonly #options: ResolvedClientOptions;
  readonly #events = new EventEmitter<ClientEvents>();
  readonly #timers: TimerQueue;
  readonly #pool: Pool;
  readonly #breakers: BreakerGroup | undefined;
  readonly #channel: Channel;
  readonly #balancers = new Map<string, Balancer>();
  readonly #routes = new Map<string, ClientRoute>();
  #registry: RegistryHandle | undefined;
  #cancelTick: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedClientOptions, dial: Dial) {
    this.#options = options;
    const { clock, random, codec, limits, breaker } = options;
    this.#timers = new TimerQueue(clock);
    this.#pool = new Pool({ dial, codec, limits, clock, random, timers: this.#timers });
    this.#breakers =
      breaker === undefined
        ? undefined
        : new BreakerGroup({
            options: breaker,
            clock,
            random,
            onTransition: ({ state, ...event }) =>
              this.#emit(state === 'open' ? 'breakerOpened' : 'breakerClosed', event),
          });
    this.#channel = createChannel(options, this.#emit);
  }

  service(service: ServiceDefinition<object> | string, options?: CallOptions): never {
    const invoke = (route: ClientRoute, args: unknown[], own: CallOptions | undefined): unknown =>
      this.#start(route, args, own);
    if (typeof service === 'string') {
      assertName('client.service', service);
      const checked = options === undefined ? undefined : checkedOptions(options);
      return createInterfaceStub((method) => this.#route(service, method, UNKNOWN_METHOD), invoke, checked) as never;
    }
    assertServiceDefinition('client.service', service);
    const stub = createStub(
      service,
      (method, definition) => this.#route(service.name, method, definition ?? UNKNOWN_METHOD),
      invoke,
    );
    return (options === undefined ? stub : (stub as { with(options: CallOptions): object }).with(options)) as never;
  }

  call(
    service: ServiceDefinition<object> | string,
    method: string,
    args: readonly unknown[],
    options?: CallOptions,
  ): never {
    const name = typeof service === 'string' ? service : service.name;
    const definition = typeof service === 'string' ? UNKNOWN_METHOD : service.methods[method];
    if (definition === undefined) throw new TypeError(`client.call: service "${name}" has no method "${method}"`);
    if (!Array.isArray(args)) throw new TypeError('client.call: the arguments must be an array');
    const route = this.#route(name, method, definition);
    return this.#start(
      route,
      [...(args as unknown[])],
      options === undefined ? undefined : checkedOptions(options),
    ) as never;
  }

  async ready(service: ServiceDefinition<object> | string, options: ReadyOptions = {}): Promise<void> {
    assertKnownOptions('client.ready', options, ['timeoutMs', 'signal']);
    const { timeoutMs = READY_TIMEOUT_MS, signal } = options;
    assertNumber('client.ready', 'timeoutMs', timeoutMs, TIMEOUT_BOUNDS);
    const name = typeof service === 'string' ? service : service.name;
    const call = new Call({ service: name, method: 'ready', wireName: wireName(name, 'ready') }, [], false);
    call.deadline = this.#options.clock.now() + timeoutMs;
    call.signal = signal;
    if (this.#closed !== undefined) throw this.#closedError();
    await this.#balancer(name).untilReady(call);
  }

  state(): ClientState {
    return clientState(this.#balancers.values(), this.#options.clock.now());
  }

  on<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this {
    this.#events.on(event, listener as never);
    return this;
  }

  off<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this {
    this.#events.off(event, listener as never);
    return this;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const reason = 'the client was closed';
    this.#cancelTick?.();
    for (const balancer of this.#balancers.values()) balancer.close(reason);
    this.#pool.close(reason);
    this.#breakers?.close();
    this.#timers.close();
    await this.#registry?.close();
  }

  readonly #emit: Emit = (event, ...args) => {
    (this.#events.emit as (event: string, ...args: unknown[]) => boolean).call(this.#events, event, ...args);
  };

  #start(route: ClientRoute, args: unknown[], options: CallOptions | undefined): unknown {
    if (this.#closed !== undefined) return Promise.reject(this.#closedError());
    const { clock, propagate } = this.#options;
    return startCall(clock, propagate, route, args, options);
  }

  #closedError(): Error {
    return rpcError('UNAVAILABLE', 'the client is closed: make another one', { progress: 'unsent' });
  }

  /** Routes are made once for each method, so that their limits and breakers are one whoever calls. */
  #route(service: string, method: string, definition: MethodDefinition): ClientRoute {
    const key = `${service} ${method}`;
    const known = this.#routes.get(key);
    if (known !== undefined && (definition === UNKNOWN_METHOD || known.definition === definition)) return known;
    if (definition === UNKNOWN_METHOD) assertName('method name', method);
    const route = composeRoute(this.#channel, this.#balancer(service), method, definition);
    this.#routes.set(key, route);
    return route;
  }

  #balancer(service: string): Balancer {
    let balancer = this.#balancers.get(service);
    if (balancer === undefined) {
      const { registry, namespace, clock, random, balancer: pickers } = this.#options;
      this.#registry ??= registry.open({ namespace, clock, random, onEvent: (event) => this.#emit('registry', event) });
      balancer = new Balancer(service, {
        registry: this.#registry,
        registryDisplay: registry.display,
        namespace,
        pool: this.#pool,
        pickers,
        breakers: this.#breakers,
        clock,
        random,
        emit: this.#emit,
      });
      this.#balancers.set(service, balancer);
      if (this.#cancelTick === undefined) this.#tick();
    }
    return balancer;
  }

  #tick(): void {
    const { clock } = this.#options;
    this.#cancelTick = clock.schedule(
      TICK_MS,
      () => {
        this.#tick();
        // After a poll: what a busy process has not read yet must not be held against the peer.
        clock.afterPoll(() => {
          const now = clock.now();
          this.#pool.tick(now);
          for (const balancer of this.#balancers.values()) balancer.tick();
        });
      },
      true,
    );
  }
}
