import type { MethodKind } from '@org/rpc-core';
import { iteratorOf } from '@org/rpc-wire/internal';

/** A method of a mock, and the function behind it: nothing is known of either but that it takes arguments. */
export type MockMethod = (...args: unknown[]) => unknown;

/**
 * What a stub has for a method with streams, answered by a function that is written like a handler. As with a real stub, what
 * takes or gives no items is refused with a `TypeError`: at once by `duplex`, as a rejection by `upload`.
 *
 * @param name - `service.method`, for errors
 * @returns `undefined` where the method has no streams
 */
export function mockStreamMethod(name: string, kind: MethodKind, answer: MockMethod): MockMethod | undefined {
  const argument = `${name}: the first argument`;
  const result = `mockService: ${name}: what the function gives`;
  switch (kind) {
    case 'stream':
      return (...args) => itemsOf(() => answer(...args), result);
    case 'upload':
      return async (source, ...args) => answer(itemsOf(iterable(source, argument), argument), ...args);
    case 'duplex':
      return (source, ...args) => {
        const items = itemsOf(iterable(source, argument), argument);
        return itemsOf(() => answer(items, ...args), result);
      };
    default:
      return undefined;
  }
}

/** Gives the source back, without beginning to iterate. @throws TypeError when it can't be iterated */
function iterable(source: unknown, what: string): () => unknown {
  const isIterable =
    typeof source === 'object' && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source);
  if (!isIterable) throw new TypeError(`${what} must be an async iterable or an iterable`);
  return () => source;
}

/** The items of what `begin` gives. It runs when the first of them is asked for, as a real call would. */
async function* itemsOf(begin: () => unknown, what: string): AsyncGenerator<unknown> {
  const iterator = iteratorOf(begin(), what);
  yield* { [Symbol.asyncIterator]: () => iterator as AsyncIterator<unknown> };
}
