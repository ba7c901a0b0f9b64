import { inspect } from 'node:util';
import { type Clock, isRpcError } from '@org/rpc-core';
import type { WatchedInstance } from '../fleet/watched-instance.js';

/** A call that somebody tries. */
export interface TriedCall {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** What the caller sends, of methods that take items. */
  readonly items: readonly unknown[];
  /** Aborts when nobody waits any more. */
  readonly left: AbortSignal;
}

const SHOWN_LENGTH_MAX = 100_000;
/** How many items of a stream are shown. */
const ITEMS_MAX = 1_000;

/**
 * Calls a method at one instance. An async iterable has items as they come, and last how the call has ended; a failed call is an answer too.
 * @param kind - `stream`, `upload` or `duplex`; all others are called as unary methods
 */
export function tryCall(
  { client, endpoint }: WatchedInstance,
  kind: unknown,
  call: TriedCall,
  clock: Clock,
): Promise<unknown> | AsyncIterable<unknown> {
  const began = clock.now();
  const facts = (): object => ({ ms: Math.round((clock.now() - began) * 10) / 10, instance: endpoint.id });
  const { service, method, args } = call;
  if (kind === 'stream' || kind === 'duplex') return withItems(client.items(kind, call), facts);
  if (kind === 'upload') return lineOf(answered(() => client.upload(call), facts));
  return answered(() => client.call(service, method, args), facts);
}

async function answered(call: () => Promise<unknown>, facts: () => object): Promise<unknown> {
  try {
    return { result: shown(await call()), ...facts() };
  } catch (error) {
    return { ...failureOf(error), ...facts() };
  }
}

/** One line, which a reader who leaves does not wait for. */
async function* lineOf(answer: Promise<unknown>): AsyncIterable<unknown> {
  yield await answer;
}

async function* withItems(stream: AsyncIterable<unknown>, facts: () => object): AsyncIterable<unknown> {
  let items = 0;
  try {
    for await (const item of stream) {
      yield { item: shown(item) };
      if (++items >= ITEMS_MAX) return yield { end: `the console stops after ${items} items`, items, ...facts() };
    }
    yield { end: 'the stream has ended', items, ...facts() };
  } catch (error) {
    yield { ...failureOf(error), items, ...facts() };
  }
}

function shown(value: unknown): string {
  const options = { depth: 10, maxArrayLength: 500, maxStringLength: 20_000, breakLength: 90 };
  return inspect(value, options).slice(0, SHOWN_LENGTH_MAX);
}

function failureOf(error: unknown): { error: string; code: string } {
  if (!isRpcError(error)) throw error;
  return { error: error.message, code: error.code };
}
