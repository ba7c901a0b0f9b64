import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ArgsSchema, Schema } from './contract-types.js';

/** What a caller passes: the input side of the schemas; trailing arguments that may be undefined may be left out. */
export type ArgsInput<A extends ArgsSchema> = A extends readonly Schema[]
  ? OptionalTail<EachInput<A>>
  : A extends Schema
    ? StandardSchemaV1.InferInput<A> extends infer T extends readonly unknown[]
      ? OptionalTail<T>
      : never
    : never;

/** What a handler receives: the output side of the schemas. */
export type ArgsOutput<A extends ArgsSchema> = A extends readonly Schema[]
  ? EachOutput<A>
  : A extends Schema
    ? Extract<StandardSchemaV1.InferOutput<A>, readonly unknown[]>
    : never;

/** The input sides of a list of schemas. */
export type EachInput<A extends readonly Schema[]> = { -readonly [K in keyof A]: StandardSchemaV1.InferInput<A[K]> };

/** The output sides of a list of schemas. */
export type EachOutput<A extends readonly Schema[]> = { -readonly [K in keyof A]: StandardSchemaV1.InferOutput<A[K]> };

/** What a handler returns: the input side of the schema of the result. */
export type ResultInput<R> = R extends Schema ? StandardSchemaV1.InferInput<R> : unknown;

/** What a caller gets: the output side of the schema of the result. */
export type ResultOutput<R> = R extends Schema ? StandardSchemaV1.InferOutput<R> : unknown;

/** A tuple whose last elements are optional where they may be undefined. */
export type OptionalTail<T extends readonly unknown[]> = T extends readonly [...infer Head, infer Last]
  ? undefined extends Last
    ? [...OptionalTail<Head>, Last?]
    : T
  : T;
