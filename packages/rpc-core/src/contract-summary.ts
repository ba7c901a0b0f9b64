import { createHash } from 'node:crypto';
import type { MethodDefinition, MethodKind, Schema, ServiceDefinition } from './contract-types.js';

/** What is known about a method at run time, without its types. */
export interface MethodSummary {
  readonly kind: MethodKind;
  readonly idempotent: boolean;
  /** Whether it has schemas: then the server refuses arguments that do not match. */
  readonly isChecked: boolean;
  /** How many arguments its schemas list or its handler declares; `undefined` when unknown. */
  readonly argumentCount: number | undefined;
  /** A digest of its schemas, eight hex digits; `undefined` when none of them can be written as JSON Schema. */
  readonly digest: string | undefined;
}

/** The methods of each service, by name. */
export type ContractSummaries = ReadonlyMap<string, ReadonlyMap<string, MethodSummary>>;

/** A difference between two contracts of one service in one method, in words that are true on both sides. */
export interface ContractDifference {
  readonly method: string;
  readonly text: string;
}

/** The longest text of contracts, in UTF-16 units: half of the size of a HELLO. */
export const CONTRACTS_LENGTH_MAX = 8_192;

const LETTERS: Readonly<Record<MethodKind, string>> = {
  unary: 'u',
  notify: 'n',
  stream: 's',
  upload: 'p',
  duplex: 'd',
};
const KINDS = new Map(Object.entries(LETTERS).map(([kind, letter]) => [letter, kind as MethodKind]));
const SERVICE = /^([\w.-]{1,200})\(([^()]*)\)$/;
const METHOD = /^([\w.-]{1,200})=([unspd])(!?)(?:([:/])(\d{1,3})?)?(?:#([0-9a-f]{8}))?$/;

/**
 * A contract in one text, such as `shop(find=u!:1#9f86d081,order=u/2)`: methods in order, each with its kind, `!` when idempotent, then
 * either `:` and the number of arguments of its schemas with a digest of the schemas, or `/` and the number of arguments of its handler.
 *
 * @param declared - how many arguments the handler of a method declares; left out on a side without handlers
 */
export function contractSummary(
  { name, methods }: ServiceDefinition,
  declared?: (method: string) => number | undefined,
): string {
  const texts = Object.entries<MethodDefinition>(methods).map(
    ([method, definition]) => `${method}=${methodText(definition, declared?.(method))}`,
  );
  return `${name}(${texts.sort().join(',')})`;
}

/** Several summaries as one text. Services that do not fit are left out whole and are then not compared. */
export function joinContracts(summaries: Iterable<string>): string {
  let joined = '';
  for (const summary of summaries) {
    const longer = joined === '' ? summary : `${joined} ${summary}`;
    if (longer.length <= CONTRACTS_LENGTH_MAX) joined = longer;
  }
  return joined;
}

/** Reads a peer's text. Unreadable parts are ignored: the text only helps people, and no call depends on it. */
export function readContracts(text: string): ContractSummaries {
  const services = new Map<string, ReadonlyMap<string, MethodSummary>>();
  if (text.length > CONTRACTS_LENGTH_MAX) return services;
  for (const part of text.split(' ')) {
    const [, name, list] = SERVICE.exec(part) ?? [];
    if (name === undefined || list === undefined) continue;
    const methods = new Map<string, MethodSummary>();
    for (const entry of list.split(',')) {
      const [, method, letter, mark, sort, count, digest] = METHOD.exec(entry) ?? [];
      if (method === undefined || letter === undefined) continue;
      methods.set(method, {
        kind: KINDS.get(letter)!,
        idempotent: mark === '!',
        isChecked: sort === ':',
        argumentCount: count === undefined ? undefined : Number(count),
        digest,
      });
    }
    services.set(name, methods);
  }
  return services;
}

/**
 * The differences that matter. Methods that only the server has do not matter: servers are deployed first.
 */
export function contractDifferences(
  client: ReadonlyMap<string, MethodSummary>,
  server: ReadonlyMap<string, MethodSummary>,
): readonly ContractDifference[] {
  const differences: ContractDifference[] = [];
  for (const [method, ours] of client) {
    const text = difference(ours, server.get(method));
    if (text !== undefined) differences.push({ method, text });
  }
  return differences;
}

function difference(client: MethodSummary, server: MethodSummary | undefined): string | undefined {
  if (server === undefined) return 'the server has no such method';
  if (client.kind !== server.kind) return `${client.kind} to the client, ${server.kind} to the server`;
  if (client.idempotent && !server.idempotent)
    return 'idempotent to the client, which may repeat it, and not to the server';
  // When only one side has schemas, either the server refuses arguments that do not match, or nothing is known.
  if (!client.isChecked || !server.isChecked) return undefined;
  const [here, there] = [client.argumentCount, server.argumentCount];
  if (here !== undefined && there !== undefined && here !== there)
    return `${here} ${here === 1 ? 'argument' : 'arguments'} to the client, ${there} to the server`;
  if (client.digest !== undefined && server.digest !== undefined && client.digest !== server.digest)
    return 'the schemas of client and server are not the same';
  return undefined;
}

function methodText({ kind, idempotent, args, returns }: MethodDefinition, declared: number | undefined): string {
  const head = `${LETTERS[kind]}${idempotent ? '!' : ''}`;
  if (args === undefined && returns === undefined) return declared === undefined ? head : `${head}/${declared}`;
  const digest = schemaDigest(args, returns);
  const count = Array.isArray(args) ? `${args.length}` : '';
  return `${head}:${count}${digest === undefined ? '' : `#${digest}`}`;
}

/** A digest of the schemas as Standard JSON Schema; `undefined` when the schema library cannot make it. */
function schemaDigest(args: MethodDefinition['args'], returns: Schema | undefined): string | undefined {
  try {
    const given = args === undefined ? [] : Array.isArray(args) ? args : [args];
    const shapes = [
      given.map((schema) => jsonSchema(schema as Schema, 'input')),
      returns && jsonSchema(returns, 'output'),
    ];
    return createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 8);
  } catch {
    return undefined;
  }
}

/** Standard JSON Schema, version 1 (standardschema.dev). */
interface JsonSchemaMaker {
  readonly jsonSchema?: Readonly<Record<'input' | 'output', (options: { readonly target: string }) => unknown>>;
}

/** The JSON Schema of a schema. @throws when the library cannot make one, or not for this schema */
function jsonSchema(schema: Schema, side: 'input' | 'output'): unknown {
  const maker = (schema['~standard'] as JsonSchemaMaker).jsonSchema;
  return canonical(maker![side]({ target: 'draft-2020-12' }), false);
}

/** Keywords that only describe and check nothing. */
const ANNOTATIONS: ReadonlySet<string> = new Set(['$schema', '$id', '$comment', 'title', 'description', 'examples']);
/** Keywords whose keys are names of the user's data. */
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions']);

/** The schema with its keys sorted and without the keywords that only describe. */
function canonical(value: unknown, hasNames: boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => canonical(each, false));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => hasNames || !ANNOTATIONS.has(key));
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, each]) => [
      key,
      !hasNames && key === 'required' && Array.isArray(each)
        ? [...each].sort()
        : canonical(each, !hasNames && NAMED.has(key)),
    ]),
  );
}
