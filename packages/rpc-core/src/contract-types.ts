import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ReservedMethodName } from './names.js';

/**
 * How arguments and results travel: one request and one result, a request alone, or streams of items in one or both directions.
 */
export type MethodKind = 'unary' | 'notify' | 'stream' | 'upload' | 'duplex';

/** What a contract says about a method besides its types. Options left out come from the service's defaults. */
export interface MethodOptions {
  /** Whether running it twice does no more than running it once, so that it may be retried and hedged (default false). */
  readonly idempotent?: boolean | undefined;
  /** The time of a whole call, all attempts and waits included, in milliseconds: 1 to 2^31 - 1 (default: the client's). */
  readonly timeoutMs?: number | undefined;
  /** An integer from 0 to 255, higher is more important (default: the client's, usually 128). */
  readonly priority?: number | undefined;
}

/** What a contract says about a one-way method: it is never retried, so it cannot be `idempotent`. */
export type NotifyOptions = Omit<MethodOptions, 'idempotent'>;

/**
 * Defaults for the methods of a service. `timeoutMs` applies to unary and one-way methods: a stream has no total timeout
 * unless its own method sets one. `idempotent` does not apply to one-way methods.
 */
export type ServiceDefaults = MethodOptions;

/** A schema of any Standard Schema library: zod, valibot, arktype, ... See https://standardschema.dev. */
// biome-ignore lint/suspicious/noExplicitAny: the input type of a schema is what it is; any other type here refuses some
export type Schema = StandardSchemaV1<any, any>;

/** The schemas of the arguments: one for each, or one for the whole list, such as a tuple schema. */
// biome-ignore lint/suspicious/noExplicitAny: the element types are read from the schema, not constrained here
export type ArgsSchema = readonly Schema[] | StandardSchemaV1<readonly any[], readonly any[]>;

/** {@link MethodOptions} of a method whose types come from schemas. */
export interface SchemaOptions<A, R> extends MethodOptions {
  /**
   * Parsed by the server before the handler runs; a failure is `INVALID_ARGUMENT` with `details.issues`. Trailing `undefined`
   * is not sent: in a tuple schema of zod, an argument that may be left out is `.optional()`, not a union with `undefined`.
   */
  readonly args?: A;
  /** Parsed by the server after the handler has run; a failure is `INTERNAL`, and no undeclared field leaves the server. */
  readonly returns?: R;
}

/**
 * A method as `method`, `stream`, `upload`, `duplex` and `notify` return it for `defineService`: not checked yet.
 *
 * @typeParam C - the function as a caller sees it
 * @typeParam H - the function as a handler implements it
 */
export interface MethodDeclaration<K extends MethodKind = MethodKind, out C = unknown, out H = unknown> {
  readonly kind: K;
  readonly options: MethodOptions & { readonly args?: unknown; readonly returns?: unknown };
  /** Carries the type only, it has no value. */
  readonly '~client'?: C;
  /** Carries the type only, it has no value. */
  readonly '~handler'?: H;
}

/** The methods of a contract by name. */
export interface MethodDeclarations {
  readonly [name: string]: MethodDeclaration;
}

/** A checked method of a {@link ServiceDefinition}, the service's defaults applied. */
export interface MethodDefinition {
  readonly kind: MethodKind;
  readonly idempotent: boolean;
  /** In milliseconds; `undefined` leaves it to the client. */
  readonly timeoutMs: number | undefined;
  /** 0 to 255; `undefined` leaves it to the client. */
  readonly priority: number | undefined;
  readonly args: ArgsSchema | undefined;
  readonly returns: Schema | undefined;
}

/** A contract, made by `defineService` and imported by both sides. Frozen, plain data: making or importing it costs nothing. */
export interface ServiceDefinition<out M = MethodDeclarations> {
  readonly name: string;
  /** By name, without a prototype, so that only the contract's own names are found. */
  readonly methods: Readonly<Record<string, MethodDefinition>>;
  /** Carries the type only, it has no value. */
  readonly '~methods'?: M;
}

/** What the compiler shows for a method with a name that cannot be used. */
export type ReservedNames = { readonly [K in ReservedMethodName]?: `rpc: the method name "${K}" is reserved` };
