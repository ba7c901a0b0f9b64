const LENGTH_MAX = 120;
const DEPTH_MAX = 4;

/** A JSON Schema in a few words, for people: `(string, integer)`, `{ id: string, tags?: string[] }`; `?` where it says nothing. */
export function schemaText(schema: unknown): string {
  const text = textOf(schema, 0);
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}...` : text;
}

function textOf(schema: unknown, depth: number): string {
  if (typeof schema !== 'object' || schema === null) return '?';
  if (depth > DEPTH_MAX) return '...';
  const { type, prefixItems, items, properties, enum: values, anyOf, oneOf, const: only } = schema as Schema;
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(values)) return values.map((each) => JSON.stringify(each)).join(' | ');
  const choices = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : undefined;
  if (choices !== undefined) return choices.map((each) => textOf(each, depth + 1)).join(' | ');
  if (Array.isArray(prefixItems)) return `(${prefixItems.map((each) => textOf(each, depth + 1)).join(', ')})`;
  if (type === 'array') return `${textOf(items, depth + 1)}[]`;
  if (typeof properties === 'object' && properties !== null) return objectText(schema as Schema, depth);
  if (Array.isArray(type)) return type.join(' | ');
  return typeof type === 'string' ? type : '?';
}

function objectText({ properties, required }: Schema, depth: number): string {
  const needed: ReadonlySet<unknown> = new Set(Array.isArray(required) ? required : []);
  const fields = Object.entries(properties as object).map(
    ([name, each]) => `${name}${needed.has(name) ? '' : '?'}: ${textOf(each, depth + 1)}`,
  );
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

type Schema = Readonly<Record<string, unknown>>;
