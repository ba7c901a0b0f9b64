import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ArgsSchema, Schema } from './contract-types.js';
import { type RpcError, rpcError } from './error.js';
import type { MaybePromise } from './method-types.js';

/** One fault in the arguments of a call, as a caller finds it in `error.details.issues`. */
export interface ValidationIssue {
  /** The place of the fault: the index of the argument, then keys and indexes inside it; at most 16 elements. */
  readonly path: readonly (string | number)[];
  /** The message of the schema library, at most 200 characters. */
  readonly message: string;
}

/** The `details` of an `INVALID_ARGUMENT` that a schema found. */
export interface ValidationDetails {
  /** At most the first 100 issues. */
  readonly issues: readonly ValidationIssue[];
}

/**
 * Parses the arguments of a call by the schemas of its method. Synchronous, without a promise, if the schemas are synchronous.
 *
 * With one schema for each argument, missing arguments are parsed as `undefined` and superfluous arguments are refused; the result
 * then has one element for each schema. One schema for the whole list gets the list as it came.
 *
 * @param where - `service.method`, for the message
 * @returns the arguments for the handler
 * @throws RpcError `INVALID_ARGUMENT` with {@link ValidationDetails}, or rejects with it; an error that a schema itself throws passes through
 */
export function validateArgs(
  schemas: ArgsSchema,
  args: readonly unknown[],
  where: string,
): MaybePromise<readonly unknown[]> {
  if (!isList(schemas)) return validateList(schemas, args, where);
  const values: unknown[] = new Array(schemas.length);
  if (args.length > schemas.length) throw tooManyArguments(schemas.length, args.length, where);
  let issues: ValidationIssue[] | undefined;
  for (let i = 0; i < schemas.length; i++) {
    const result = schemas[i]!['~standard'].validate(args[i]);
    if (isPromise(result)) return validateRest(schemas, args, where, { values, issues, index: i, result });
    if (result.issues) issues = addIssues(issues, result.issues, i);
    else values[i] = result.value;
  }
  if (issues) throw invalidArguments(issues, where);
  return values;
}

/**
 * Parses the result of a handler by the schema of its method. Synchronous if the schema is synchronous.
 *
 * @param where - `service.method`, for the message
 * @returns the result for the caller
 * @throws RpcError `INTERNAL` that reveals nothing of the value, or rejects with it; an error that the schema itself throws passes through
 */
export function validateResult(schema: Schema, value: unknown, where: string): MaybePromise<unknown> {
  const finish = (result: Result): unknown => {
    if (result.issues) throw invalidResult(result.issues, where);
    return result.value;
  };
  const result = schema['~standard'].validate(value);
  return isPromise(result) ? result.then(finish) : finish(result);
}

type Result = StandardSchemaV1.Result<unknown>;
type Issues = readonly StandardSchemaV1.Issue[];

const ISSUES_MAX = 100;
const MESSAGE_LENGTH_MAX = 200;
const PATH_LENGTH_MAX = 16;
const KEY_LENGTH_MAX = 100;

/** The state of {@link validateArgs} when a schema returned a promise. */
interface Pause {
  readonly values: unknown[];
  readonly issues: ValidationIssue[] | undefined;
  readonly index: number;
  readonly result: Promise<Result>;
}

/** Runs one schema after the other: if all started at once and one threw, the promises of the others would be left unhandled. */
async function validateRest(
  schemas: readonly Schema[],
  args: readonly unknown[],
  where: string,
  pause: Pause,
): Promise<readonly unknown[]> {
  const { values, index } = pause;
  let { issues } = pause;
  for (let i = index; i < schemas.length; i++) {
    const result = await (i === index ? pause.result : schemas[i]!['~standard'].validate(args[i]));
    if (result.issues) issues = addIssues(issues, result.issues, i);
    else values[i] = result.value;
  }
  if (issues) throw invalidArguments(issues, where);
  return values;
}

function validateList(schema: Schema, args: readonly unknown[], where: string): MaybePromise<readonly unknown[]> {
  const finish = (result: Result): readonly unknown[] => {
    if (result.issues) throw invalidArguments(addIssues(undefined, result.issues, undefined), where);
    if (Array.isArray(result.value)) return result.value;
    throw new TypeError(`${where}: the schema of the arguments must give an array, it gave a ${typeof result.value}`);
  };
  const result = schema['~standard'].validate(args);
  return isPromise(result) ? result.then(finish) : finish(result);
}

/** `Array.isArray` does not narrow a readonly array. */
function isList(schemas: ArgsSchema): schemas is readonly Schema[] {
  return Array.isArray(schemas);
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise;
}

function addIssues(issues: ValidationIssue[] = [], found: Issues, argument: number | undefined): ValidationIssue[] {
  for (let i = 0; i < found.length && issues.length < ISSUES_MAX; i++) {
    const { path, message } = found[i]!;
    issues.push({ path: cleanPath(path, argument), message: cut(String(message), MESSAGE_LENGTH_MAX) });
  }
  return issues;
}

function cleanPath(path: StandardSchemaV1.Issue['path'] = [], argument: number | undefined): (string | number)[] {
  const clean: (string | number)[] = argument === undefined ? [] : [argument];
  for (let i = 0; i < path.length && clean.length < PATH_LENGTH_MAX; i++) {
    const segment = path[i]!;
    const key = typeof segment === 'object' ? segment.key : segment;
    clean.push(typeof key === 'number' ? key : cut(String(key), KEY_LENGTH_MAX));
  }
  return clean;
}

function tooManyArguments(expected: number, got: number, where: string): RpcError {
  const message = `too many arguments: expected at most ${expected}, got ${got}`;
  return invalidArguments([{ path: [expected], message }], where);
}

function invalidArguments(issues: readonly ValidationIssue[], where: string): RpcError {
  const [first] = issues;
  const found = first ? `${showPath(first.path)}: ${first.message}` : 'the schema gave no reason';
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more, see details.issues)` : '';
  const details: ValidationDetails = { issues };
  return rpcError('INVALID_ARGUMENT', `${where}: invalid arguments: ${found}${more}`, { details, progress: 'refused' });
}

/** The paths stay in this process, as the cause. Messages of schema libraries may quote the value, so they are dropped. */
function invalidResult(found: Issues, where: string): RpcError {
  const paths = addIssues(undefined, found, undefined).map(({ path }) => showPath(path));
  const cause = new Error(`${where}: the result does not fit its schema at ${paths.slice(0, 10).join(', ')}`);
  return rpcError('INTERNAL', `${where}: the result does not fit the contract`, { cause, progress: 'processed' });
}

function showPath(path: readonly (string | number)[]): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('') || 'the whole';
}

function cut(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 3)}...`;
}
