import type { ArgsSchema, MethodDeclaration } from './contract-types.js';
import type { ArgsInput, ArgsOutput, ResultInput, ResultOutput } from './schema-types.js';

/** What the compiler shows for a method whose type is wrong: the text says what to write. */
export interface WriteInstead<Text extends string> {
  readonly '~instead': Text;
}

/** Any function. */
// biome-ignore lint/suspicious/noExplicitAny: only any lets every parameter list and result match
export type AnyFunction = (...args: any[]) => any;
/** Any function that gives a stream of items. */
// biome-ignore lint/suspicious/noExplicitAny: only any lets every parameter list and item match
export type StreamFunction = (...args: any[]) => AsyncIterable<any>;
/** Any function that takes a stream of items as its first argument. */
// biome-ignore lint/suspicious/noExplicitAny: only any lets every parameter list and result match
export type UploadFunction = (items: AsyncIterable<any>, ...args: any[]) => any;
/** Any function that takes a stream of items as its first argument and gives one. */
// biome-ignore lint/suspicious/noExplicitAny: only any lets every parameter list and item match
export type DuplexFunction = (items: AsyncIterable<any>, ...args: any[]) => AsyncIterable<any>;
/** Any function without a result. */
// biome-ignore lint/suspicious/noExplicitAny: only any lets every parameter list match
export type NotifyFunction = (...args: any[]) => void | Promise<void>;

/**
 * F, but never inferred from where the result is used. `NoInfer<F>` would do that too, but would stay visible in editors and in
 * emitted declarations.
 */
export type Explicit<F extends AnyFunction> = [F][F extends unknown ? 0 : never];

/** A value or a promise of one. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * The caller's form of a unary function. A function that returns a promise is kept as it is, with its generics and overloads. One
 * that returns `never` is not, although `never` extends every promise.
 */
export type UnaryClient<F extends AnyFunction> = [Promise<never>, ReturnType<F>] extends [
  ReturnType<F>,
  Promise<unknown>,
]
  ? F
  : (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>;

/** What a handler may return for a result of type T: where no result is expected it may return anything, as in any callback. */
export type HandlerResult<T> = [T] extends [void] ? unknown : MaybePromise<T>;

/** The {@link MethodDeclaration} that `method` makes from a function type, or else from schemas. */
export type UnaryDeclaration<F extends AnyFunction, A, R> = [F] extends [never]
  ? A extends ArgsSchema
    ? MethodDeclaration<
        'unary',
        (...args: ArgsInput<A>) => Promise<ResultOutput<R>>,
        (...args: ArgsOutput<A>) => HandlerResult<ResultInput<R>>
      >
    : WriteInstead<'method<(x: number) => number>() or method({ args: [schema], returns: schema })'>
  : IsStream<Awaited<ReturnType<F>>> extends true
    ? WriteInstead<'stream<() => AsyncIterable<number>>()'>
    : MethodDeclaration<'unary', UnaryClient<F>, (...args: Parameters<F>) => HandlerResult<Awaited<ReturnType<F>>>>;

/** The declaration that `notify` makes from a function type. */
export type NotifyDeclaration<F extends NotifyFunction> = [F] extends [never]
  ? WriteInstead<'notify<(event: string) => void>()'>
  : MethodDeclaration<'notify', (...args: Parameters<F>) => Promise<void>, (...args: Parameters<F>) => unknown>;

/** The declaration that `stream` makes from a function type. */
export type StreamDeclaration<F extends StreamFunction> = [F] extends [never]
  ? WriteInstead<'stream<(limit: number) => AsyncIterable<number>>()'>
  : MethodDeclaration<'stream', StreamClient<F>, (...args: Parameters<F>) => AnyIterable<Item<ReturnType<F>>>>;

/** The declaration that `upload` makes from a function type. */
export type UploadDeclaration<F extends UploadFunction> = [F] extends [never]
  ? WriteInstead<'upload<(chunks: AsyncIterable<Uint8Array>, name: string) => Promise<number>>()'>
  : MethodDeclaration<
      'upload',
      (...args: WithSource<F>) => Promise<Awaited<ReturnType<F>>>,
      (...args: Parameters<F>) => HandlerResult<Awaited<ReturnType<F>>>
    >;

/** The declaration that `duplex` makes from a function type. */
export type DuplexDeclaration<F extends DuplexFunction> = [F] extends [never]
  ? WriteInstead<'duplex<(messages: AsyncIterable<string>) => AsyncIterable<string>>()'>
  : MethodDeclaration<
      'duplex',
      (...args: WithSource<F>) => AsyncIterable<Item<ReturnType<F>>>,
      (...args: Parameters<F>) => AnyIterable<Item<ReturnType<F>>>
    >;

/** Items that exist already or will come. */
export type AnyIterable<T> = AsyncIterable<T> | Iterable<T>;

/** The type of the items of a stream. */
export type Item<S> = S extends AsyncIterable<infer T> ? T : never;

/** The caller's form of a stream function: the caller gets an AsyncIterable, even if a handler returns a generator. */
export type StreamClient<F extends StreamFunction> =
  AsyncIterable<Item<ReturnType<F>>> extends ReturnType<F>
    ? F
    : (...args: Parameters<F>) => AsyncIterable<Item<ReturnType<F>>>;

/** The caller's arguments where the first one is a stream of items: any iterable will do. */
export type WithSource<F extends UploadFunction> =
  Parameters<F> extends [AsyncIterable<infer T>, ...infer A] ? [items: AnyIterable<T>, ...args: A] : never;

/** Whether a result is a stream, wholly or in part; false for `any` and `never`, which match every type. */
export type IsStream<T> = 0 extends 1 & T
  ? false
  : [T] extends [never]
    ? false
    : [Extract<T, AsyncIterable<unknown>>] extends [never]
      ? false
      : true;
