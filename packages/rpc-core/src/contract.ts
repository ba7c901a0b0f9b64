import {
  assertBoolean,
  assertKnownOptions,
  assertNumber,
  assertObject,
  PRIORITY_BOUNDS,
  TIMEOUT_BOUNDS,
} from './check.js';
import type {
  ArgsSchema,
  MethodDeclaration,
  MethodDeclarations,
  MethodDefinition,
  MethodKind,
  MethodOptions,
  NotifyOptions,
  ReservedNames,
  Schema,
  SchemaOptions,
  ServiceDefaults,
  ServiceDefinition,
} from './contract-types.js';
import { describeValue } from './describe-value.js';
import type {
  AnyFunction,
  DuplexDeclaration,
  DuplexFunction,
  Explicit,
  NotifyDeclaration,
  NotifyFunction,
  StreamDeclaration,
  StreamFunction,
  UnaryDeclaration,
  UploadDeclaration,
  UploadFunction,
} from './method-types.js';
import { assertName, isReservedMethodName } from './names.js';

/**
 * Defines a service: its name, its methods and their types, for both sides to import.
 *
 * @param name - letters, digits, `.`, `_`, `-`; put the version into it if you have several (`calculator.v2`)
 * @param methods - a plain object whose values come from `method`, `stream`, `upload`, `duplex` and `notify`
 * @param defaults - for methods that do not set an option themselves, see {@link ServiceDefaults}
 * @throws TypeError for a wrong or reserved name and for a wrong option, naming service, method, option and bound
 *
 * @example
 * ```ts
 * export const Calculator = defineService('calculator', {
 *   sum: method<(x: number, y: number) => number>({ idempotent: true, timeoutMs: 200 }),
 *   primes: stream<(limit: number) => AsyncIterable<number>>(),
 * });
 * ```
 */
export function defineService<M extends MethodDeclarations>(
  name: string,
  methods: M & ReservedNames,
  defaults: ServiceDefaults = {},
): ServiceDefinition<M> {
  assertName('defineService: service name', name);
  const service = `defineService: ${name}`;
  assertPlainObject(service, methods);
  assertOptions(`${service}: defaults`, defaults, OPTION_NAMES);
  const definitions: Record<string, MethodDefinition> = Object.create(null);
  for (const [methodName, declaration] of Object.entries<MethodDeclaration>(methods)) {
    assertName(`${service}: method name`, methodName);
    if (isReservedMethodName(methodName)) {
      throw new TypeError(`${service}: the method name "${methodName}" is reserved, choose another one`);
    }
    definitions[methodName] = resolveMethod(`${service}.${methodName}`, declaration, defaults);
  }
  return Object.freeze({ name, methods: Object.freeze(definitions) });
}

/**
 * A unary method: one list of arguments, one result. Typed by a function, sync or async, whose result is data; or by schemas,
 * which the server checks and which may also transform. A generic or overloaded function keeps its type parameters and overloads
 * when it is written in its async form.
 *
 * @example
 * ```ts
 * method<(x: number, y?: number) => number>({ idempotent: true });
 * method({ args: [z.number(), z.number().optional()], returns: z.number() });
 * ```
 */
// F alone is kept from inference: without it the contextual type makes an untyped method any, and around a tuple of schemas
// it breaks inference and makes declaration output many times longer.
export function method<
  F extends AnyFunction = never,
  const A extends ArgsSchema | undefined = undefined,
  R extends Schema | undefined = undefined,
>(options?: SchemaOptions<A, R>): UnaryDeclaration<Explicit<F>, A, R> {
  return declare('unary', options) as UnaryDeclaration<Explicit<F>, A, R>;
}

/**
 * Server streaming: one list of arguments, any number of items as the result. It has no total timeout unless `timeoutMs` is
 * given here or by the caller.
 *
 * @example `stream<(limit: number) => AsyncIterable<number>>()`
 */
export function stream<F extends StreamFunction = never>(options?: MethodOptions): StreamDeclaration<Explicit<F>> {
  return declare('stream', options) as StreamDeclaration<Explicit<F>>;
}

/**
 * Client streaming: the items that come in are the first parameter; the caller may pass any iterable, sync or async.
 *
 * @example `upload<(chunks: AsyncIterable<Uint8Array>, name: string) => Promise<Summary>>()`
 */
export function upload<F extends UploadFunction = never>(options?: MethodOptions): UploadDeclaration<Explicit<F>> {
  return declare('upload', options) as UploadDeclaration<Explicit<F>>;
}

/**
 * Streaming in both directions, each at its own pace: the items that come in are the first parameter.
 *
 * @example `duplex<(messages: AsyncIterable<Message>, room: string) => AsyncIterable<Message>>()`
 */
export function duplex<F extends DuplexFunction = never>(options?: MethodOptions): DuplexDeclaration<Explicit<F>> {
  return declare('duplex', options) as DuplexDeclaration<Explicit<F>>;
}

/**
 * One-way: the caller's promise resolves when the message is written, whatever happens to the message later; it is never retried.
 *
 * @example `notify<(event: Event) => void>()`
 */
export function notify<F extends NotifyFunction = never>(options?: NotifyOptions): NotifyDeclaration<Explicit<F>> {
  return declare('notify', options) as NotifyDeclaration<Explicit<F>>;
}

/**
 * Checks that a value was made by {@link defineService}, of this or another copy of the package.
 * @throws TypeError that says what to pass
 */
export function assertServiceDefinition(where: string, value: unknown): asserts value is ServiceDefinition {
  const { name, methods } = (value ?? {}) as { name?: unknown; methods?: unknown };
  if (typeof name === 'string' && typeof methods === 'object' && methods !== null && Object.isFrozen(methods)) return;
  throw new TypeError(`${where}: expected a service definition made by defineService(), got ${describeValue(value)}`);
}

const KINDS: ReadonlySet<unknown> = new Set<MethodKind>(['unary', 'notify', 'stream', 'upload', 'duplex']);
const OPTION_NAMES = ['idempotent', 'timeoutMs', 'priority'];
const NOTIFY_OPTION_NAMES = ['timeoutMs', 'priority'];
const UNARY_OPTION_NAMES = [...OPTION_NAMES, 'args', 'returns'];

/** The options are checked by `defineService`, which knows the method's name. */
function declare(kind: MethodKind, options: MethodOptions = {}): unknown {
  return Object.freeze({ kind, options });
}

function resolveMethod(where: string, declaration: MethodDeclaration, defaults: ServiceDefaults): MethodDefinition {
  const { kind, options } = (declaration ?? {}) as Partial<MethodDeclaration>;
  if (!KINDS.has(kind)) {
    const makers = 'method(), stream(), upload(), duplex() or notify()';
    throw new TypeError(`${where}: expected what ${makers} gives, got ${describeValue(declaration)}`);
  }
  assertOptions(where, options, optionNames(kind));
  const { args, returns } = options;
  if (args !== undefined) assertArgsSchema(where, args);
  if (returns !== undefined) assertSchema(where, 'returns', returns);
  // A default meant for single answers would end every stream of the service after that time.
  const defaultTimeoutMs = kind === 'unary' || kind === 'notify' ? defaults.timeoutMs : undefined;
  return Object.freeze({
    kind: kind!,
    idempotent: kind !== 'notify' && (options.idempotent ?? defaults.idempotent ?? false),
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    priority: options.priority ?? defaults.priority,
    args: Array.isArray(args) ? Object.freeze([...args]) : args,
    returns,
  });
}

function optionNames(kind: MethodKind | undefined): readonly string[] {
  if (kind === 'unary') return UNARY_OPTION_NAMES;
  return kind === 'notify' ? NOTIFY_OPTION_NAMES : OPTION_NAMES;
}

function assertOptions(
  where: string,
  options: unknown,
  known: readonly string[],
): asserts options is MethodDeclaration['options'] {
  assertObject(where, 'options', options);
  if (Object.hasOwn(options, 'errors')) {
    throw new TypeError(`${where}: the option "errors" is reserved; for now a handler throws RpcError with details`);
  }
  assertKnownOptions(where, options, known);
  const { idempotent, timeoutMs, priority } = options;
  if (idempotent !== undefined) assertBoolean(where, 'idempotent', idempotent);
  if (timeoutMs !== undefined) assertNumber(where, 'timeoutMs', timeoutMs, TIMEOUT_BOUNDS);
  if (priority !== undefined) assertNumber(where, 'priority', priority, PRIORITY_BOUNDS);
}

function assertArgsSchema(where: string, args: unknown): asserts args is ArgsSchema {
  if (!Array.isArray(args)) return assertSchema(where, 'args', args);
  for (let i = 0; i < args.length; i++) assertSchema(where, `args[${i}]`, args[i]);
}

function assertSchema(where: string, option: string, value: unknown): asserts value is Schema {
  // In some libraries schemas are functions, so objects and functions are both accepted.
  const holder = typeof value === 'object' || typeof value === 'function' ? (value as Partial<Schema> | null) : null;
  if (typeof holder?.['~standard']?.validate === 'function') return;
  throw new TypeError(
    `${where}: ${option} must be a schema with "~standard" (zod, valibot, arktype, ...), got ${describeValue(value)}`,
  );
}

/** An inherited method would be silently missed, and `{ __proto__: ... }` sets the prototype. */
function assertPlainObject(where: string, methods: unknown): void {
  assertObject(where, 'methods', methods);
  const prototype: unknown = Object.getPrototypeOf(methods);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return;
  throw new TypeError(`${where}: methods must be a plain object, without a class and without "__proto__"`);
}
