import {
  answerOpinions,
  answerTroubles,
  answerUses,
  Call,
  type CallOptions,
  type Destination,
  type Explanation,
  type MethodDefinition,
  type RpcError,
  type ServiceDefinition,
} from '@org/rpc-core';
import {
  assertEvent,
  assertFits,
  assertKnownOptions,
  assertLayersFit,
  assertName,
  assertNumber,
  assertServiceDefinition,
  channels,
  describeValue,
  everySecond,
  isStreamKind,
  nearestName,
  plainText,
  rpcError,
  surface,
  TIMEOUT_BOUNDS,
  TimerQueue,
  wireName,
} from '@org/rpc-core/internal';
import type { RegistryEvent, RegistryHandle } from '@org/rpc-registry';
import type { ClientTlsOptions } from '@org/rpc-wire';
import { createDial, type Dial, expectedIdentity } from '@org/rpc-wire/internal';
import { EventEmitter } from 'eventemitter3';
import { broadcast } from '../attempts/broadcast.js';
import { TroubleTally } from '../attempts/trouble-tally.js';
import { type ClientMethod, UNKNOWN_METHOD } from '../client-method.js';
import { CLIENT_EVENTS, type ClientEvents } from '../events.js';
import { Balancer } from '../nodes/balancer.js';
import { type ExplainedCall, unknownService } from '../nodes/explanation.js';
import { KnownContracts } from '../nodes/known-contracts.js';
import { KnownServices } from '../nodes/known-services.js';
import { nodeOpinions } from '../nodes/node-opinions.js';
import { tellOfPlaintext } from '../nodes/plaintext-token.js';
import { Pool } from '../nodes/pool.js';
import { type ClientState, clientState } from '../nodes/state.js';
import { BreakerGroup } from '../policy/breaker-group.js';
import { belongsTo } from '../policy/name-call.js';
import { composeMethod, createSharedParts, type SharedParts } from '../stack.js';
import { checkedOptions } from './call-options.js';
import type { Client, ReadyOptions } from './client-types.js';
import { type ClientOptions, type ResolvedClientOptions, resolveClientOptions } from './options.js';
import { startCall } from './start-call.js';
import { failedStream, givesIterator, startStream } from './start-stream.js';
import { createInterfaceStub, createStub, type Invoke, type Resolve } from './stub.js';

const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** How long `ready` waits unless told otherwise, in milliseconds. */
const READY_TIMEOUT_MS = 30_000;

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
  const { clock, tls, dial = createDial(clock, tls) } = resolved;
  return new RpcClient(resolved, dial);
}

/** How many characters of a registry's error appear in the errors of calls that have no node. */
const ERROR_SHOWN_LENGTH = 200;

/** The client: methods, balancers, and what they share. */
export class RpcClient implements Client {
  readonly #options: ResolvedClientOptions;
  readonly #events = new EventEmitter<ClientEvents>();
  readonly #timers: TimerQueue;
  readonly #pool: Pool;
  readonly #breakers: BreakerGroup;
  readonly #troubles: TroubleTally;
  readonly #shared: SharedParts;
  readonly #services = new KnownServices((service) => {
    this.#shared.services.delete(service);
    this.#shared.kept.forget(service);
  });
  readonly #contracts: KnownContracts;
  #registry: RegistryHandle | undefined;
  #registryError: string | undefined;
  #cancelTick: (() => void) | undefined;
  #stopAnswering: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedClientOptions, dial: Dial) {
    this.#options = options;
    const { clock, random, codec, compression, keepalive, limits, breaker, protocol, token } = options;
    this.#timers = new TimerQueue(clock);
    // Not of a client of its own process, whose way is given.
    const isOpen = token !== undefined && options.tls === undefined && options.dial === undefined;
    const tell = (message: string): void => this.#registryEvent({ kind: 'insecure', message });
    this.#contracts = new KnownContracts({
      name: options.name,
      emit: (event) => this.#emit('contractDiffers', event),
      find: (service, method) => this.#services.method(service, method),
    });
    this.#pool = new Pool({
      name: options.name,
      contracts: this.#contracts,
      dial: isOpen ? tellOfPlaintext(dial, tell) : dial,
      codec,
      compression,
      keepalive,
      limits,
      clock,
      random,
      timers: this.#timers,
      protocol,
      token,
      wantsLoad: [options, ...options.services.values()].some(({ balancer }) => balancer?.wantsLoad),
    });
    this.#breakers = new BreakerGroup({
      options: breaker,
      clock,
      random,
      onTransition: ({ state, openForMs, ...where }) => {
        if (state === 'open') this.#emit('breakerOpened', { ...where, openForMs });
        else this.#emit('breakerClosed', where);
      },
    });
    this.#troubles = new TroubleTally(options.name);
    this.#shared = createSharedParts(options, this.#emit, this.#troubles, this.#timers);
  }

  service(service: ServiceDefinition<object> | string, options?: CallOptions): never {
    const name = serviceName('client.service', service);
    const resolve: Resolve<ClientMethod | MethodPath> = (method, definition = UNKNOWN_METHOD) =>
      this.#method(name, method, definition);
    const invoke: Invoke<ClientMethod | MethodPath> = (called, args, own) => this.#start(called, args, own);
    if (typeof service === 'string') {
      const checked = options === undefined ? undefined : checkedOptions(options);
      return createInterfaceStub(name, resolve, invoke, checked) as never;
    }
    assertLayersFit('client.service', service as ServiceDefinition, this.#options);
    this.#contracts.add(service as ServiceDefinition);
    const stub = createStub(service as ServiceDefinition, resolve, invoke);
    return (options === undefined ? stub : (stub as { with(options: CallOptions): object }).with(options)) as never;
  }

  call(
    service: ServiceDefinition<object> | string,
    method: string,
    args: readonly unknown[],
    options?: CallOptions,
  ): never {
    const name = serviceName('client.call', service);
    const definition = typeof service === 'string' ? UNKNOWN_METHOD : definitionOf('client.call', service, method);
    if (typeof service !== 'string') this.#contracts.add(service as ServiceDefinition);
    assertFits('client.call', 'the third parameter', 'the list of the arguments', args, Array.isArray(args));
    const checked = options === undefined ? undefined : checkedOptions(options);
    return this.#start(this.#method(name, method, definition), [...args], checked) as never;
  }

  async broadcast(
    service: ServiceDefinition<object> | string,
    method: string,
    args: readonly unknown[],
    options?: CallOptions,
  ): Promise<never> {
    const where = 'client.broadcast';
    const name = serviceName(where, service);
    const definition = typeof service === 'string' ? UNKNOWN_METHOD : definitionOf(where, service, method);
    assertFits(where, 'the third parameter', 'the list of the arguments', args, Array.isArray(args));
    if (isStreamKind(definition.kind)) throw new TypeError(`${where}: ${name}.${method} has streams`);
    const checked = options === undefined ? undefined : checkedOptions(options);
    const called = this.#method(name, method, definition);
    if (this.#closed !== undefined || !('serve' in called)) throw closedError(name, method);
    called.isCalled = true;
    const first = new Call(called, [], false);
    first.signal = options?.signal;
    first.deadline = this.#options.clock.now() + (options?.timeoutMs ?? called.policy.now.timeout.timeoutMs);
    const { part } = this.#balancer(name);
    part.assertWhole(where, first);
    await called.list.untilKnown(first);
    // Rules may have come with the list.
    part.assertWhole(where, first);
    const start = (node: Destination) => startCall(this.#options, called, [...args], checked, node);
    return (await broadcast(this.#balancer(name).members, start)) as never;
  }

  async ready(service: ServiceDefinition<object> | string, options: ReadyOptions = {}): Promise<void> {
    assertKnownOptions('client.ready', options, ['timeoutMs', 'signal']);
    const { timeoutMs = READY_TIMEOUT_MS, signal } = options;
    assertNumber('client.ready', 'timeoutMs', timeoutMs, TIMEOUT_BOUNDS);
    const name = serviceName('client.ready', service);
    const call = new Call({ service: name, method: 'ready', wireName: wireName(name, 'ready') }, [], false);
    call.deadline = this.#options.clock.now() + timeoutMs;
    call.signal = signal;
    if (this.#closed !== undefined) throw closedError(name, 'ready');
    await this.#balancer(name).untilReady(call);
  }

  setTls(change: Partial<ClientTlsOptions>): void {
    const { tls } = this.#options;
    if (tls === undefined) throw new TypeError('client.setTls: the client was made without the option tls');
    // Services share connections: an open one would go on serving a service that must now have other servers.
    if ('identity' in change)
      throw new TypeError('client.setTls: tls.identity is for the life of a client; make another one');
    tls.update('client.setTls', change);
  }

  explain(service: ServiceDefinition<object> | string, method: string, options: ExplainedCall = {}): Explanation {
    const where = 'client.explain';
    const name = serviceName(where, service);
    const definition = typeof service === 'string' ? UNKNOWN_METHOD : definitionOf(where, service, method);
    assertKnownOptions(where, options, ['metadata', 'hashKey']);
    const { clock, balancer: pickers } = this.#options;
    const known = this.#services.method(name, method);
    const balancer = this.#services.balancer(name);
    const called = known ?? (balancer && composeMethod(this.#shared, balancer, method, definition));
    if (called === undefined || balancer === undefined) return unknownService(name, method, pickers.name);
    const call = new Call(called, [], false);
    call.metadata = options.metadata;
    call.hashKey = options.hashKey;
    call.idempotent = called.idempotent;
    call.createdAt = clock.now();
    call.subset = called.policy.now.router?.choose(call);
    return balancer.explain(call);
  }

  state(): ClientState {
    const { clock, name } = this.#options;
    const services = this.#services;
    const methods = services.methods.bind(services);
    return clientState({ name, shared: this.#shared, balancers: services.balancers(), methods, now: clock.now() });
  }

  /** The text that printing shows: private fields are not printed. */
  [INSPECT](): string {
    const { registry, namespace } = this.#options;
    const state = this.#closed === undefined ? '' : 'closed, ';
    return `Client { ${state}registry ${registry.display}, namespace ${namespace}, services: ${this.#services.names.join(', ') || 'none used yet'} }`;
  }

  on<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this {
    assertEvent('client.on', event, listener, CLIENT_EVENTS);
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
    this.#stopAnswering?.();
    this.#shared.kept.close();
    this.#shared.waits.close(reason);
    for (const balancer of this.#services.balancers()) balancer.close(reason);
    this.#pool.close(reason);
    this.#breakers.close();
    this.#timers.close();
    await this.#registry?.close();
  }

  /** @returns whether anybody listens */
  readonly #emit = <E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]): boolean => {
    if (channels.client.hasSubscribers)
      channels.client.publish({ type: 'event', client: this.#options.name, name: event, event: args[0] });
    if (channels.event.hasSubscribers)
      channels.event.publish({
        type: 'event',
        side: 'client',
        from: this.#options.name,
        name: event,
        event: args[0],
      });
    try {
      return (this.#events.emit as (event: string, ...args: unknown[]) => boolean).call(this.#events, event, ...args);
    } catch (error) {
      surface(error);
      return true;
    }
  };

  #start(called: ClientMethod | MethodPath, args: unknown[], options: CallOptions | undefined): unknown {
    const { service, method } = called;
    if (this.#closed !== undefined || !('serve' in called)) {
      const error = closedError(service, method);
      return givesIterator(called.definition) ? failedStream(error) : Promise.reject(error);
    }
    if (called.owner.isResting) return this.#start(this.#method(service, method, called.definition), args, options);
    called.isCalled = true;
    if (args.length < called.argumentsLeast) this.#contracts.lacking(called, args.length);
    if (called.stream !== undefined) return startStream(this.#options, called, args, options);
    return startCall(this.#options, called, args, options);
  }

  /**
   * The stack of a method is composed once, so that all callers share its limits and breakers. On a closed client, only the names:
   * nothing may be opened any more.
   */
  #method(service: string, method: string, definition: MethodDefinition): ClientMethod | MethodPath {
    if (this.#closed !== undefined) return { service, method, definition };
    const known = this.#services.method(service, method);
    if (known !== undefined && (definition === UNKNOWN_METHOD || known.definition === definition)) return known;
    if (definition === UNKNOWN_METHOD) assertName('method name', method);
    const called = composeMethod(this.#shared, this.#balancer(service), method, definition);
    this.#services.addMethod(called);
    this.#contracts.expect(called);
    return called;
  }

  #balancer(service: string): Balancer {
    let balancer = this.#services.balancer(service);
    if (balancer === undefined) {
      const { registry, namespace, name, zone, clock, random, tls, services, policy } = this.#options;
      const { balancer: pickers } = this.#options;
      const onEvent = (event: RegistryEvent): void => this.#registryEvent(event);
      this.#registry ??= registry.open({ namespace, clock, random, onEvent });
      balancer = new Balancer(service, {
        registry: this.#registry,
        registryDisplay: registry.display,
        registryError: () => this.#registryError,
        namespace,
        instance: name,
        pool: this.#pool,
        identity: tls === undefined ? undefined : expectedIdentity(tls.current, service),
        pickers: services.get(service)?.balancer ?? pickers,
        breakers: this.#breakers,
        sources: [
          { options: services.get(service)?.policy ?? {}, isOwn: false },
          { options: policy, isOwn: false },
        ],
        zone,
        clock,
        random,
        emit: this.#emit,
        hasCalled: () => this.#hasCalled(service),
        // Calls that wait for a limit must learn of a change at once, not only when another call comes.
        onRules: () => {
          for (const { limits } of this.#services.methods(service)) limits.refresh();
        },
        successor: () => (this.#closed === undefined ? this.#balancer(service) : undefined),
      }).open();
      this.#services.add(balancer);
      this.#stopAnswering ??= this.#answerOperators();
      this.#cancelTick ??= everySecond(clock, (now) => {
        this.#pool.tick(now);
        for (const each of this.#services.balancers()) each.tick();
        this.#services.trim();
      });
    }
    return balancer;
  }

  #answerOperators(): () => void {
    const stopOpinions = answerOpinions(() => nodeOpinions(this.#options.name, this.state()));
    const stopTroubles = answerTroubles(() => this.#troubles.tell(this.#services.balancers()));
    const stopUses = answerUses(() =>
      this.#services.names.map((service) => {
        return { client: this.#options.name, service, hasCalled: this.#hasCalled(service) };
      }),
    );
    return () => {
      stopOpinions();
      stopTroubles();
      stopUses();
    };
  }

  #hasCalled(service: string): boolean {
    for (const { isCalled } of this.#services.methods(service)) if (isCalled) return true;
    return false;
  }

  #registryEvent(told: RegistryEvent): void {
    // Any registry may quote text that others wrote.
    const event = { ...told, message: plainText(told.message) };
    if (event.kind === 'unreachable') this.#registryError = event.message.trim().slice(0, ERROR_SHOWN_LENGTH);
    else if (event.kind === 'recovered') this.#registryError = undefined;
    this.#emit('registry', event);
  }
}

/** The names of a method on a closed client, where the method has no stack. */
interface MethodPath {
  readonly service: string;
  readonly method: string;
  readonly definition: MethodDefinition;
}

function serviceName(where: string, service: ServiceDefinition<object> | string): string {
  if (typeof service === 'string') assertName(`${where}: the name of a service`, service);
  else assertServiceDefinition(where, service);
  return typeof service === 'string' ? service : service.name;
}

function definitionOf(where: string, service: ServiceDefinition<object>, method: string): MethodDefinition {
  const definition = service.methods[method];
  if (definition !== undefined) return definition;
  const near = nearestName(String(method), Object.keys(service.methods));
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  throw new TypeError(`${where}: service "${service.name}" has no method ${describeValue(method)}${hint}`);
}

function closedError(service: string, method: string): RpcError {
  const reason = 'the client is closed: make another one with createClient()';
  return belongsTo({ service, method }, rpcError('UNAVAILABLE', reason, { progress: 'unsent' }));
}
