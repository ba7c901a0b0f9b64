import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createClient } from '@org/rpc-client';
import { defineService, method, notify } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { manualRegistry } from '@org/rpc-testkit';

const PAGE = readFileSync(new URL('../../../docs/state.md', import.meta.url), 'utf8');

/** The part of JSON Schema that the page uses. */
interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'boolean';
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: false | Schema;
  readonly items?: Schema;
  readonly description?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

function schemaOf(side: 'client' | 'server'): Schema {
  const block = new RegExp(`^\`\`\`json schema ${side}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(PAGE)?.[1];
  return JSON.parse(block ?? assert.fail(`the page has no schema of a ${side}`)) as Schema;
}

/** What of a value does not fit, each with its path. @param seen - takes the places of the schema that were met */
function misfits(root: Schema, schema: Schema, value: unknown, path: string, seen: Set<Schema>): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice('#/$defs/'.length);
    return misfits(root, root.$defs?.[name] ?? assert.fail(`${schema.$ref} is not there`), value, path, seen);
  }
  seen.add(schema);
  if (schema.anyOf !== undefined) {
    const fits = schema.anyOf.find((each) => misfits(root, each, value, path, new Set()).length === 0);
    return fits === undefined ? [`${path} is none of what it may be`] : misfits(root, fits, value, path, seen);
  }
  if ('const' in schema) return value === schema.const ? [] : [`${path} is ${value}`];
  if (schema.enum !== undefined) return schema.enum.includes(value) ? [] : [`${path} is ${value}`];
  const type = Array.isArray(value) ? 'array' : typeof value;
  if (type !== schema.type) return [`${path} is no ${schema.type}`];
  if (type === 'array')
    return (value as unknown[]).flatMap((each, i) => misfits(root, schema.items!, each, `${path}[${i}]`, seen));
  if (type !== 'object') return [];
  const fields = value as Record<string, unknown>;
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(fields, name));
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...Object.entries(fields).flatMap(([name, each]) => {
      const own = schema.properties?.[name] ?? schema.additionalProperties;
      return own ? misfits(root, own, each, `${path}.${name}`, seen) : [`${path}.${name} is not in the schema`];
    }),
  ];
}

/** Every place of a schema that says what a value is. */
function places(schema: Schema): Schema[] {
  const own = schema.$ref === undefined ? [schema] : [];
  const inner = [
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.$defs ?? {}),
    ...(schema.items ? [schema.items] : []),
    ...(schema.anyOf ?? []),
    ...(schema.additionalProperties ? [schema.additionalProperties] : []),
  ];
  return [...own, ...inner.flatMap(places)];
}

/** As it is after it was written and read. */
const written = (state: unknown): unknown => JSON.parse(JSON.stringify(state));

const Work = defineService('work', { run: method<() => void>(), fail: method<() => void>() });
const Unserved = defineService('unserved', { note: notify<() => void>() });

describe('the page about state', () => {
  it('has the schema of what clients give', async () => {
    const source = manualRegistry();
    await using server = createServer({ registry: memory() }).add(Work, {
      run() {},
      fail() {
        throw new Error('on purpose');
      },
    });
    server.on('handlerError', () => {});
    await server.listen({ port: 0 });
    const { host, port } = server.state().address!;
    const limits = { rateLimit: { perSecond: 10_000, burst: 1_000, wait: true }, concurrency: { max: 100, queue: 10 } };
    await using client = createClient({
      ...limits,
      registry: source.registry,
      attemptTimeoutMs: 900,
      retry: false,
      retryLater: true,
      breaker: { minCalls: 5 },
    });
    const stub = client.service(Work);
    const applied = new Promise((resolve) => client.on('rulesApplied', resolve));
    const rejected = new Promise((resolve) => client.on('rulesRejected', resolve));
    const rules = { schemaVersion: 1, version: 3, timeout: { mode: 'dark', timeoutMs: 500 } };
    source.publishRules('work', rules);
    const well = {
      id: server.instance,
      host,
      port,
      weight: 100,
      state: 'up',
      zone: 'a',
      version: '1',
      tags: { x: 'y' },
    };
    source.publish('work', [well as never, { id: 'b', host: '127.0.0.1', port: 1, weight: 50, state: 'up' }]);
    await stub.run();
    await applied;
    for (let i = 0; i < 10; i++) await assert.rejects(stub.fail());
    // Nobody serves it: it is kept.
    source.publish('unserved', []);
    await client.service(Unserved).note();
    const schema = schemaOf('client');
    const seen = new Set<Schema>();
    assert.deepEqual(misfits(schema, schema, written(client.state()), 'state', seen), []);
    // Now it is the method that fails, and not the node.
    await stub.run();
    source.publishRules('work', '{ "schemaVersion": 1, "version": 4, "nonsense": true }');
    await rejected;
    assert.deepEqual(misfits(schema, schema, written(client.state()), 'state', seen), []);
    // Tests of their own make nodes that are ejected or deny what others answer.
    const rare = [places(findProperty(schema, 'ejected')!), places(findProperty(schema, 'denies')!)].flat();
    const unseen = places(schema).filter((place) => !seen.has(place) && !rare.includes(place));
    assert.deepEqual(unseen, [], 'the schema has what no client gives');
  });

  it('has the schema of what servers give', async () => {
    const source = manualRegistry();
    const perCaller = { concurrency: { max: 9 } };
    await using server = createServer({
      registry: source.registry,
      admin: { port: 0 },
      perCaller,
      overload: { queue: 5 },
    });
    server.add(Work, { run() {}, fail() {} }, { concurrency: { max: 5, queue: 1 } });
    const schema = schemaOf('server');
    const seen = new Set<Schema>();
    const look = (): void => assert.deepEqual(misfits(schema, schema, written(server.state()), 'state', seen), []);
    look();
    await server.listen({ port: 0 });
    look();
    const rule = { mode: 'on', perSecond: 5 };
    for (const rules of [{ schemaVersion: 1, version: 1, serverRateLimit: rule }, '{ "version": 2 }']) {
      const told = new Promise((resolve) => server.on('rules', resolve));
      source.publishRules('work', rules);
      await told;
      look();
    }
    await server.close();
    look();
    // Only of a socket with a path, of a registry that cannot be reached, and of workers.
    const workers = places(findProperty(schema, 'workers')!);
    const rare = [findProperty(schema, 'path'), findProperty(schema, 'error'), ...workers];
    const unseen = places(schema).filter((place) => !seen.has(place) && !rare.includes(place));
    assert.deepEqual(unseen, [], 'the schema has what no server gives');
  });
});

function findProperty(schema: Schema, name: string): Schema | undefined {
  for (const place of places(schema)) if (place.properties?.[name] !== undefined) return place.properties[name];
  return undefined;
}
