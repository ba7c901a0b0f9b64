/// <reference types="node" preserve="true" />
import type { MethodDeclaration, ServiceDefinition } from '../contract-types.js';
import type { Explanation } from '../explanation.js';
import type { Metadata } from '../metadata.js';
import type { AnyFunction, IsStream, UnaryClient } from '../method-types.js';
import type { ReservedMethodName } from '../names.js';
import type { CallPolicyOptions } from '../policies/policies.js';

/** Options of one call, or of all calls through `stub.with(options)`. They override everything that was configured. */
export interface CallOptions extends CallPolicyOptions {
  /**
   * The time of the whole call, all attempts and waits included, in milliseconds: 1 to 2^31 - 1. A stream has no timeout unless
   * it is given.
   */
  readonly timeoutMs?: number | undefined;
  /** The time of one attempt, in milliseconds: 1 to 2^31 - 1. */
  readonly attemptTimeoutMs?: number | undefined;
  /** The longest silence of a stream, in milliseconds: 1 to 2^31 - 1. */
  readonly idleTimeoutMs?: number | undefined;
  /** Cancels the call when it aborts: the call fails with `CANCELLED`, and the signal's reason is the `cause`. */
  readonly signal?: AbortSignal | undefined;
  /** Sent beside the arguments, added to the client's. */
  readonly metadata?: Metadata | undefined;
  /** Whether it may be retried and hedged; overrides what the contract says. */
  readonly idempotent?: boolean | undefined;
  /** An integer from 0 to 255, higher is more important. */
  readonly priority?: number | undefined;
  /** Calls with the same key go to the same node when the balancer is `consistentHash`. */
  readonly hashKey?: string | undefined;
  /** Whether to wait, within the timeout, while no node is connected, instead of failing with `UNAVAILABLE`. */
  readonly waitForReady?: boolean | undefined;
  /** Runs when the answer has come, before the call's promise resolves. */
  readonly onResponse?: ((info: ResponseInfo) => void) | undefined;
  /**
   * Whether the answer or the error is to say which nodes there were for each attempt, which were left out and why, and which was taken:
   * {@link ResponseInfo.explanations}, `error.explanations`. For looking into something: it costs time for each node. Default: `false`.
   */
  readonly explain?: boolean | undefined;
  /**
   * Runs when the server of an open stream begins to shut down, or wants the connection replaced, with its reason. The stream
   * goes on until the server's grace is over. The reader of an endless stream opens another one, which goes to another server,
   * and leaves this one.
   */
  readonly onDraining?: ((reason: string) => void) | undefined;
}

/** Facts about an answer, besides its result. */
export interface ResponseInfo {
  /** What the handler sent beside the result. */
  readonly metadata: Metadata;
  /** `host:port` of the server that answered. */
  readonly endpoint: string;
  /** How many attempts it took, 1 or more. */
  readonly attempts: number;
  /** From the call to its answer, all attempts and waits included, in milliseconds. */
  readonly durationMs: number;
  /** Which nodes each attempt found, in order, and which it took; `undefined` unless {@link CallOptions.explain} asked for it. */
  readonly explanations?: readonly Explanation[] | undefined;
}

/** What a server implements: an object of functions or a class instance (a class repeats the types of its parameters). */
export type ServiceHandlers<D> =
  D extends ServiceDefinition<infer M>
    ? { readonly [K in keyof M]: M[K] extends MethodDeclaration<infer _Kind, infer _Client, infer H> ? H : never }
    : never;

/** The methods of a service as a caller sees them. */
export type ServiceMethods<D> =
  D extends ServiceDefinition<infer M>
    ? { readonly [K in keyof M]: M[K] extends MethodDeclaration<infer _Kind, infer C, infer _Handler> ? C : never }
    : never;

/** The stub of a service: its methods, bound, and `with`. */
export type ServiceClient<D> = ServiceMethods<D> & {
  /** The same stub with options for its calls; cheap enough to make one for each call. */
  with(options: CallOptions): ServiceClient<D>;
};

/** The names of the methods of a service. */
export type MethodName<D> = keyof ServiceMethods<D> & string;

/** The arguments of a method as a caller passes them: `MethodArgs<typeof Calculator, 'sum'>` is `[x: number, y: number]`. */
export type MethodArgs<D, K extends MethodName<D>> = ServiceMethods<D>[K] extends infer F extends AnyFunction
  ? Parameters<F>
  : never;

/** What a call of a method resolves with; of a stream, the stream. */
export type MethodResult<D, K extends MethodName<D>> = ServiceMethods<D>[K] extends infer F extends AnyFunction
  ? Awaited<ReturnType<F>>
  : never;

/** What the compiler shows when `client.service('name')` is called without a type. */
export type MustName =
  'rpc: name the interface, client.service<Users>("users"), or pass a definition made by defineService()';

/** The unary methods of a plain interface as a caller sees them; streams, properties and reserved names are left out. */
export type InterfaceMethods<I> = {
  readonly [K in keyof I as InterfaceMethodName<I, K>]: I[K] extends AnyFunction ? UnaryClient<I[K]> : never;
};

/** `K` where it names a method that can be called remotely, else `never`. */
export type InterfaceMethodName<I, K extends keyof I> = K extends ReservedMethodName | symbol
  ? never
  : I[K] extends AnyFunction
    ? IsStream<ReturnType<I[K]>> extends true
      ? never
      : K
    : never;

/** The stub of a service that is typed by a plain interface. */
export type InterfaceClient<I> = InterfaceMethods<I> & {
  /** The same stub with options for its calls. */
  with(options: CallOptions): InterfaceClient<I>;
};
