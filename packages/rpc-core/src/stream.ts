import type { Call } from './service.js';

/**
 * One streaming call, as layers see it: the items that go out with it (`undefined` where the method takes none) and the items
 * that come back. An upload gives back exactly one item, its result.
 */
export type StreamService = (call: Call, items: AsyncIterable<unknown> | undefined) => AsyncIterable<unknown>;

/**
 * A policy around streaming calls, on either side. It is a type of its own besides `Layer`: most policies of unary calls (retry, hedging,
 * fallback) make no sense for a stream, and the others must define what they do with its items.
 *
 * On a client it may call `next` several times, even concurrently: each call opens a new stream with the items that the layer passes.
 *
 * @example
 * ```ts
 * const counted: StreamLayer = (next) =>
 *   async function* (call, items) {
 *     for await (const item of next(call, items)) yield item;
 *   };
 * ```
 */
export type StreamLayer = (next: StreamService) => StreamService;
