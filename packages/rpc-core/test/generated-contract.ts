/** A contract of `count` methods of eight usual shapes, typed by functions. */
export function typedContract(count: number): string {
  const methods = numbers(count).map((i) => `  method${i}: method<${TYPED_SHAPES[i % TYPED_SHAPES.length]}>(),\n`);
  return `import { defineService, method } from '@org/rpc';
export interface Row { readonly id: string; readonly tags?: readonly string[]; readonly count: number }
export const Generated = defineService('generated', {\n${methods.join('')}});\n`;
}

/** A contract of `count` methods, typed by zod schemas. */
export function zodContract(count: number): string {
  const methods = numbers(count).map((i) => `  method${i}: method({ ${ZOD_SHAPES[i % ZOD_SHAPES.length]} }),\n`);
  return `import { defineService, method } from '@org/rpc';
import * as z from 'zod';
export const Generated = defineService('generated', {\n${methods.join('')}});\n`;
}

/** A handler and a call for each method of {@link typedContract}. */
export function typedUse(count: number): string {
  const handlers = numbers(count).map((i) => `  method${i}: ${HANDLERS[i % HANDLERS.length]},\n`);
  const calls = numbers(count).map((i) => `  await stub.method${i}(${CALLS[i % CALLS.length]});\n`);
  return use(handlers, calls);
}

/** A handler and a call for each method of {@link zodContract}. */
export function zodUse(count: number): string {
  const handlers = numbers(count).map((i) => `  method${i}: ${ZOD_HANDLERS[i % ZOD_HANDLERS.length]},\n`);
  const calls = numbers(count).map((i) => `  await stub.method${i}(${ZOD_CALLS[i % ZOD_CALLS.length]});\n`);
  return use(handlers, calls);
}

function use(handlers: readonly string[], calls: readonly string[]): string {
  return `import type { ServiceClient, ServiceDefinition, ServiceHandlers } from '@org/rpc';
import { Generated } from './contract.js';
declare function add<D extends ServiceDefinition>(definition: D, handlers: NoInfer<ServiceHandlers<D>>): void;
declare const stub: ServiceClient<typeof Generated>;
add(Generated, {\n${handlers.join('')}});
export async function calls(): Promise<void> {\n${calls.join('')}}\n`;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

const TYPED_SHAPES = [
  '(x: number, y: number) => number',
  '(id: string, deep?: boolean) => Promise<Row | undefined>',
  '(rows: readonly Row[]) => void',
  '(filter: { from: number; to?: number }, limit: number) => Row[]',
  '(separator: string, ...parts: string[]) => string',
  "(kind: 'a' | 'b' | 'c', value: number | string) => Promise<Record<string, number>>",
  '() => Promise<void>',
  '<T>(value: T) => Promise<T>',
];
const HANDLERS = [
  '(x, y) => x + y',
  'async (id, deep) => (deep ? { id, count: 1 } : undefined)',
  '(rows) => rows.length',
  'async ({ from }, limit) => [{ id: String(from), count: limit }]',
  '(separator, ...parts) => parts.join(separator)',
  'async (kind, value) => ({ [kind]: Number(value) })',
  'async () => {}',
  'async (value) => value as never',
];
const CALLS = [
  '1, 2',
  "'a', true",
  "[{ id: 'a', count: 1 }]",
  '{ from: 1 }, 10',
  "',', 'a', 'b'",
  "'b', 5",
  '',
  "'same'",
];

const ZOD_SHAPES = [
  'args: [z.number(), z.number()], returns: z.number()',
  'args: [z.string(), z.boolean().optional()], returns: z.object({ id: z.string(), count: z.number() }).optional()',
  'args: [z.array(z.object({ id: z.string(), tags: z.array(z.string()).optional() }))], idempotent: true',
  'args: z.tuple([z.string().transform((text) => text.length)]), returns: z.void()',
];
const ZOD_HANDLERS = [
  '(x, y) => x + y',
  'async (id, deep) => (deep ? { id, count: 1 } : undefined)',
  '(rows) => rows.length',
  '(length) => length.toFixed()',
];
const ZOD_CALLS = ['1, 2', "'a', true", "[{ id: 'a' }]", "'text'"];
