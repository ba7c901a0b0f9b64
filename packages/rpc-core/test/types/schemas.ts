import * as v from 'valibot';
import * as z from 'zod';
import { defineService, method, stream } from '../../src/contract.js';
import type { MethodArgs, MethodResult, ServiceClient, ServiceHandlers } from '../../src/face/stub-types.js';
import { assertType, type Equal } from './equal.js';
import { client, server } from './sides.js';

const UserRow = z.object({ id: z.string(), born: z.string().transform((text) => new Date(text)) });

const Zod = defineService('zod', {
  sum: method({ args: [z.number(), z.number()], returns: z.number(), idempotent: true, timeoutMs: 5 }),
  tuple: method({ args: z.tuple([z.string(), z.string().optional()]), returns: z.void() }),
  rest: method({ args: z.tuple([z.string()]).rest(z.number()) }),
  list: method({ args: z.array(z.number()), returns: z.number() }),
  tail: method({ args: [z.string(), z.number().optional(), z.boolean().default(true)], returns: z.boolean() }),
  middle: method({ args: [z.string().optional(), z.number()] }),
  when: method({ args: [z.string().transform((text) => text.length)], returns: UserRow }),
  nothing: method({ args: [] }),
});

type ZodCallers = ServiceClient<typeof Zod>;
assertType<Equal<ZodCallers['sum'], (args_0: number, args_1: number) => Promise<number>>>();
assertType<Equal<Parameters<ZodCallers['tuple']>, [string, (string | undefined)?]>>();
assertType<Equal<ReturnType<ZodCallers['tuple']>, Promise<void>>>();
assertType<Equal<Parameters<ZodCallers['rest']>, [string, ...number[]]>>();
assertType<Equal<Parameters<ZodCallers['list']>, number[]>>();
assertType<Equal<Parameters<ZodCallers['tail']>, [string, (number | undefined)?, (boolean | undefined)?]>>();
assertType<Equal<Parameters<ZodCallers['middle']>, [string | undefined, number]>>();
assertType<Equal<MethodArgs<typeof Zod, 'when'>, [string]>>();
assertType<Equal<MethodResult<typeof Zod, 'when'>, { id: string; born: Date }>>();
assertType<Equal<MethodResult<typeof Zod, 'middle'>, unknown>>();
assertType<Equal<Parameters<ZodCallers['nothing']>, []>>();

type ZodHandlers = ServiceHandlers<typeof Zod>;
assertType<Equal<Parameters<ZodHandlers['tail']>, [string, number | undefined, boolean]>>();
assertType<Equal<Parameters<ZodHandlers['when']>, [number]>>();
assertType<Equal<Awaited<ReturnType<ZodHandlers['when']>>, { id: string; born: string }>>();
assertType<Equal<ReturnType<ZodHandlers['tuple']>, unknown>>();
assertType<Equal<ReturnType<ZodHandlers['middle']>, unknown>>();

const Valibot = defineService('valibot', {
  sum: method({ args: [v.number(), v.optional(v.number())], returns: v.number() }),
  tuple: method({ args: v.tuple([v.string(), v.optional(v.number())]) }),
  when: method({
    args: [
      v.pipe(
        v.string(),
        v.transform((text) => text.length),
      ),
    ],
    returns: v.optional(v.string(), 'none'),
  }),
});

type ValibotCallers = ServiceClient<typeof Valibot>;
assertType<Equal<Parameters<ValibotCallers['sum']>, [number, (number | undefined)?]>>();
assertType<Equal<Parameters<ValibotCallers['tuple']>, [string, (number | undefined)?]>>();
assertType<Equal<Parameters<ValibotCallers['when']>, [string]>>();
assertType<Equal<MethodResult<typeof Valibot, 'when'>, string>>();
type ValibotHandlers = ServiceHandlers<typeof Valibot>;
assertType<Equal<Parameters<ValibotHandlers['when']>, [number]>>();
assertType<Equal<Awaited<ReturnType<ValibotHandlers['when']>>, string | undefined>>();

server.add(Zod, {
  sum: (x, y) => x + y,
  tuple: (first, second = first) => second,
  rest: (first, ...more) => more.length + first.length,
  list: (...numbers) => numbers.length,
  tail: async (_text, _number, flag) => flag,
  middle: (_text, number) => number,
  when: (length) => ({ id: length.toFixed(), born: '2020-01-01' }),
  nothing: () => undefined,
});

server.add(Valibot, { sum: (x, y = 0) => x + y, tuple: () => 1, when: (length) => (length > 1 ? 'long' : undefined) });

export async function calls(): Promise<void> {
  const zod = client.service(Zod);
  await zod.tail('a');
  await zod.rest('a', 1, 2);
  const { born } = await zod.when('text');
  born.getTime();
}

// @ts-expect-error an argument of the wrong type
export const wrongArgument = () => client.service(Zod).sum('1', 2);
// @ts-expect-error the caller passes the input of a transform, not its output
export const outputForInput = () => client.service(Zod).when(5);
// @ts-expect-error too many arguments
export const tooMany = () => client.service(Zod).sum(1, 2, 3);
// @ts-expect-error an argument in the middle cannot be left out
export const missing = () => client.service(Zod).middle();
// @ts-expect-error the handler returns the input of the result's schema, not its output
export const wrongResult: ServiceHandlers<typeof Zod>['when'] = () => ({ id: '', born: new Date(0) });
// @ts-expect-error a schema of one value is not a schema of arguments
method({ args: z.string() });
// @ts-expect-error a type is not a schema
method({ args: [String] });
// @ts-expect-error a type and schemas exclude each other
method<(x: number) => number>({ args: [z.number()] });
// @ts-expect-error streams have no schemas
stream<() => AsyncIterable<number>>({ args: [z.number()] });
// @ts-expect-error the result alone is not enough: say what the arguments are
defineService('no-args', { bad: method({ returns: z.number() }) });
