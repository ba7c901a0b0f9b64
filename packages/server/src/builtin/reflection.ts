import { createHash } from 'node:crypto';
import {
  defineService,
  type MethodDefinition,
  type MethodKind,
  method,
  type Schema,
  type ServiceDefinition,
  type ServiceHandlers,
} from '@org/rpc-core';
import { contractSummary, rpcError } from '@org/rpc-core/internal';

/** A method as `rpc.reflection` describes it. What the contract leaves to the client is left out. */
export interface MethodDescription {
  readonly name: string;
  readonly kind: MethodKind;
  readonly idempotent: boolean;
  readonly timeoutMs?: number;
  readonly priority?: number;
  /** JSON Schema (draft 2020-12) of the list of arguments, where the contract has schemas of a library that can give it. */
  readonly args?: object;
  /** The same of the result, as it leaves the server. */
  readonly returns?: object;
}

/** A service as `rpc.reflection` describes it. */
export interface ServiceDescription {
  readonly name: string;
  /** Sixteen hex digits of the contract: the same where two instances serve the same names, kinds, idempotency and schemas. */
  readonly hash: string;
  readonly methods: readonly MethodDescription[];
}

/**
 * The contract of `rpc.reflection`, for tools that call without a contract: which services an instance has, and what their methods are.
 * Served where the option `reflection` of the server is on. It is not in the registry, so it is called by address.
 *
 * - `services`: their names.
 * - `describe`: one of them; `NOT_FOUND` when it is not there.
 */
export const Reflection = defineService(
  'rpc.reflection',
  {
    services: method<() => readonly string[]>(),
    describe: method<(service: string) => ServiceDescription>(),
  },
  { idempotent: true },
);

/** What serves {@link Reflection}. @param services - those of the server by name */
export function reflectionHandlers(
  services: ReadonlyMap<string, ServiceDefinition>,
): ServiceHandlers<typeof Reflection> {
  const described = new Map<string, ServiceDescription>();
  return {
    services: () => [...services.keys()],
    describe: (name) => {
      const definition = services.get(name);
      if (definition === undefined) throw rpcError('NOT_FOUND', `this server has no service ${JSON.stringify(name)}`);
      let description = described.get(name);
      if (description === undefined) {
        description = describeService(definition);
        described.set(name, description);
      }
      return description;
    },
  };
}

function describeService(service: ServiceDefinition): ServiceDescription {
  const hash = createHash('sha256').update(contractSummary(service)).digest('hex').slice(0, 16);
  const methods = Object.entries(service.methods).map(([method, definition]) => describeMethod(method, definition));
  return { name: service.name, hash, methods };
}

function describeMethod(name: string, definition: MethodDefinition): MethodDescription {
  const { kind, idempotent, timeoutMs, priority } = definition;
  const args = definition.args && argsSchema(definition.args);
  const returns = definition.returns && toJsonSchema(definition.returns, 'output');
  return {
    name,
    kind,
    idempotent,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(priority === undefined ? {} : { priority }),
    ...(args === undefined ? {} : { args }),
    ...(returns === undefined ? {} : { returns }),
  };
}

function argsSchema(args: NonNullable<MethodDefinition['args']>): object | undefined {
  if (!Array.isArray(args)) return toJsonSchema(args as Schema, 'input');
  const prefixItems = (args as readonly Schema[]).map((schema) => toJsonSchema(schema, 'input'));
  if (prefixItems.every((schema) => schema === undefined)) return undefined;
  return { type: 'array', prefixItems: prefixItems.map((schema) => schema ?? {}), maxItems: args.length };
}

/**
 * The JSON Schema that a library gives by the Standard JSON Schema specification; `undefined` for what it cannot express, such as
 * a transform.
 */
function toJsonSchema(schema: Schema, side: 'input' | 'output'): object | undefined {
  const { jsonSchema } = schema['~standard'] as Schema['~standard'] & Partial<JsonSchemaSource>;
  try {
    const given: unknown = jsonSchema?.[side]({ target: 'draft-2020-12' });
    if (typeof given !== 'object' || given === null) return undefined;
    // As it would be in a file, without anything else that a library attaches to it.
    return JSON.parse(JSON.stringify(given)) as object;
  } catch {
    return undefined;
  }
}

/** The part of https://standardschema.dev/json-schema that is asked for. */
interface JsonSchemaSource {
  readonly jsonSchema: Readonly<Record<'input' | 'output', (options: { target: string }) => unknown>>;
}
