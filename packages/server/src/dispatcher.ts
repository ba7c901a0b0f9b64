import {
  Call,
  type Layer,
  type MethodRef,
  type RpcError,
  type ServiceDefinition,
  type StreamLayer,
  type StreamService,
} from '@org/rpc-core';
import {
  assertLayersFit,
  assertObject,
  assertServiceDefinition,
  guardLayers,
  guardStreamLayers,
  nearestName,
  rpcError,
  runInContext,
  stack,
  wireName,
} from '@org/rpc-core/internal';
import type { IncomingCall } from '@org/rpc-wire/internal';
import {
  createHandler,
  dispatchStream,
  type Handler,
  kindError,
  type LackingArguments,
  runHandler,
  runLayered,
  runLayeredStream,
  runStreamHandler,
} from './handler.js';
import type { ServedContracts } from './served-contracts.js';

/** Gives each method of a service what its calls have to pass. */
type LimitsOf = (definition: ServiceDefinition) => (handler: Handler) => void;

/** The method table of a server, and the way from a call to its handler. */
export class Dispatcher {
  /** By service and method together, as they are in a frame. Two splits of the same text can't both be defined. */
  readonly #handlers = new Map<string, Handler>();
  /** By service, dot, method: what peers of MessagePack-RPC say. */
  readonly #paths = new Map<string, Handler>();
  readonly #defaultService: string | undefined;
  readonly #contracts: Pick<ServedContracts, 'add' | 'lacking'> | undefined;
  readonly #services = new Map<string, ServiceDefinition>();
  readonly #builtIn = new Set<string>();
  readonly #refs = new Map<Handler, MethodRef>();
  /** The answers for names that are not there, until something is added. */
  readonly #unknowns = new Map<string, RpcError>();
  readonly #layered: ((call: Call) => Promise<unknown>) | undefined;

  readonly #layers: { readonly layers: readonly Layer[]; readonly streamLayers: readonly StreamLayer[] | undefined };
  readonly #stream: StreamService;

  /**
   * @param defaultService - whose methods need no name of a service; where there is one service only, it is that
   * @param contracts - is told of the services, and of calls with fewer arguments than their handler declares
   */
  constructor(
    layers: readonly Layer[],
    streamLayers: readonly StreamLayer[] | undefined,
    defaultService?: string,
    contracts?: Pick<ServedContracts, 'add' | 'lacking'>,
  ) {
    this.#contracts = contracts;
    this.#defaultService = defaultService;
    this.#layers = { layers, streamLayers };
    this.#stream = guardStreamLayers(streamLayers ?? []).reduceRight<StreamService>(
      (next, layer) => layer(next),
      streamLayers?.length ? runLayeredStream : runStreamHandler,
    );
    this.#layered = layers.length === 0 ? undefined : stack(guardLayers(layers), runLayered);
  }

  /** The services added so far, by name. */
  get definitions(): ReadonlyMap<string, ServiceDefinition> {
    return this.#services;
  }

  /** The names of the services added so far. */
  get services(): readonly string[] {
    return [...this.#services.keys()];
  }

  /**
   * Adds a service.
   * @param limitsOf - what the calls of each method have to pass
   * @throws TypeError when it was added before, or a method has no handler
   */
  add(definition: ServiceDefinition, implementation: object, limitsOf?: LimitsOf): void {
    assertServiceDefinition('server.add', definition);
    if (this.#builtIn.has(definition.name))
      throw new TypeError(`server.add: "${definition.name}" is a service of the library's own; name it otherwise`);
    assertLayersFit('server.add', definition, this.#layers);
    const limits = limitsOf?.(definition);
    const handlers = this.#add(definition, implementation, false);
    if (limits !== undefined) for (const handler of handlers) limits(handler);
    this.#services.set(definition.name, definition);
  }

  /** Adds a service of the library itself: it is served, but is not listed among the services of the server. */
  addBuiltIn(definition: ServiceDefinition, implementation: object): void {
    this.#add(definition, implementation, true);
    this.#builtIn.add(definition.name);
  }

  #add(definition: ServiceDefinition, implementation: object, isBuiltIn: boolean): readonly Handler[] {
    const { name, methods } = definition;
    assertObject('server.add', `the implementation of "${name}"`, implementation);
    if (this.#services.has(name)) throw new TypeError(`server.add: service "${name}" was added before`);
    const handlers: Handler[] = [];
    const missing: string[] = [];
    const lacking: LackingArguments = (call, declared) => this.#contracts?.lacking(call, declared);
    for (const [method, methodDefinition] of Object.entries(methods)) {
      const run: unknown = (implementation as Record<string, unknown>)[method];
      if (typeof run !== 'function') missing.push(method);
      else handlers.push(createHandler(name, method, methodDefinition, run.bind(implementation), lacking, isBuiltIn));
    }
    if (missing.length > 0) {
      const lacking = missing.map((method) => `"${method}"${misspelt(method, implementation, methods)}`);
      throw new TypeError(`server.add: service "${name}" lacks a handler for ${lacking.join(', ')}`);
    }
    for (const handler of handlers) {
      const key = handler.service + handler.method;
      const other = this.#handlers.get(key);
      if (other !== undefined)
        throw new TypeError(
          `server.add: "${name}" + "${handler.method}" reads the same as "${other.service}" + "${other.method}"; rename one`,
        );
      const namesake = this.#paths.get(pathOf(handler));
      if (namesake !== undefined)
        throw new TypeError(
          `server.add: "${name}" and its method "${handler.method}" read the same as "${namesake.service}" and "${namesake.method}", with a dot between; rename one`,
        );
    }
    this.#contracts?.add(definition, new Map(handlers.map(({ method, argumentsLeast }) => [method, argumentsLeast])));
    this.#unknowns.clear();
    for (const handler of handlers) {
      this.#handlers.set(handler.service + handler.method, handler);
      this.#paths.set(pathOf(handler), handler);
    }
    return handlers;
  }

  /** The handler with this name, or the error that says what there is instead. */
  find(name: string, serviceLength: number): Handler | RpcError {
    const handler = this.#handlers.get(name);
    if (handler !== undefined && handler.service.length === serviceLength) return handler;
    return this.#unknown(name.slice(0, serviceLength), name.slice(serviceLength));
  }

  /** Runs a streaming call: gives the iterable of what goes out; may throw. */
  dispatchStream(call: IncomingCall<Handler>, items: AsyncIterable<unknown>): AsyncIterable<unknown> {
    return dispatchStream(call, items, this.#callOf(call), this.#stream);
  }

  /** The handler that a peer means with `service.method`, or with the bare method of the service that needs no naming. */
  findPath(path: string): Handler | RpcError {
    const unnamed = this.#defaultService ?? (this.#services.size === 1 ? this.services[0] : undefined);
    const handler =
      this.#paths.get(path) ?? (unnamed === undefined ? undefined : this.#paths.get(`${unnamed}.${path}`));
    if (handler?.stream !== undefined) return kindError(handler, 'MessagePack-RPC has no streams');
    if (handler !== undefined) return handler;
    const known = this.services.find((service) => path.startsWith(`${service}.`));
    if (known !== undefined) return this.#unknown(known, path.slice(known.length + 1));
    if (unnamed !== undefined && !path.includes('.')) return this.#unknown(unnamed, path);
    const dot = path.lastIndexOf('.');
    if (dot > 0) return this.#unknown(path.slice(0, dot), path.slice(dot + 1));
    const reason =
      'a method is named service.method here, since there is neither one service only nor a defaultService';
    return rpcError('UNIMPLEMENTED', reason, { progress: 'refused', hasStack: false });
  }

  /** Runs a call; may return a promise, may throw. */
  dispatch(call: IncomingCall<Handler>): unknown {
    if (this.#layered === undefined) return runHandler(call);
    return runInContext(call, this.#layered, this.#callOf(call));
  }

  #callOf(call: IncomingCall<Handler>): Call {
    const copy = new Call(this.#refOf(call.entry), call.args, call.oneWay);
    copy.context = call;
    copy.deadline = call.deadline;
    copy.attemptDeadline = call.deadline;
    copy.metadata = call.metadata;
    copy.idempotent = call.idempotent;
    copy.priority = call.priority;
    copy.attempt = call.attempt;
    return copy;
  }

  #refOf(handler: Handler): MethodRef {
    let ref = this.#refs.get(handler);
    if (ref === undefined) {
      ref = { service: handler.service, method: handler.method, wireName: wireName(handler.service, handler.method) };
      this.#refs.set(handler, ref);
    }
    return ref;
  }

  /** Names that are not there are looked up once: to find one that is near costs more than ten calls. */
  #unknown(service: string, method: string): RpcError {
    const key = `${service}\n${method}`;
    const known = this.#unknowns.get(key);
    if (known !== undefined) return known;
    const isKept = this.#unknowns.size < UNKNOWNS_MAX && key.length <= UNKNOWN_LENGTH_MAX;
    const error = this.#refusalOf(service, method, isKept ? hint : () => '');
    if (isKept) this.#unknowns.set(key, error);
    return error;
  }

  #refusalOf(service: string, method: string, hint: (wrong: string, names: Iterable<string>) => string): RpcError {
    const definition = this.#services.get(service);
    const shown = (text: string): string => JSON.stringify(text.slice(0, 100));
    if (definition === undefined) {
      return rpcError(
        'UNIMPLEMENTED',
        `this server has no service ${shown(service)}${hint(service, this.#services.keys())}`,
        { progress: 'refused', hasStack: false },
      );
    }
    return rpcError(
      'UNIMPLEMENTED',
      `service "${service}" has no method ${shown(method)}${hint(method, Object.keys(definition.methods))}`,
      { progress: 'refused', hasStack: false },
    );
  }
}

function pathOf({ service, method }: Handler): string {
  return `${service}.${method}`;
}

/** So many names that are not there are kept; a peer that asks for ever other ones gets no hints any more. */
const UNKNOWNS_MAX = 256;

/** Longer ones are not kept. */
const UNKNOWN_LENGTH_MAX = 512;

/** How many names are searched for a hint: a peer that asks for random names must not make us compare thousands. */
const HINT_NAMES_MAX = 64;

function hint(wrong: string, names: Iterable<string>): string {
  const near = nearestName(wrong, [...names].slice(0, HINT_NAMES_MAX));
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** The name in the implementation that looks like the missing method. */
function misspelt(method: string, implementation: object, methods: object): string {
  const near = nearestName(
    method,
    Object.keys(implementation).filter((name) => !Object.hasOwn(methods, name)),
  );
  return near === undefined ? '' : ` (there is "${near}")`;
}
