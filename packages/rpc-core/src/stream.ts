import type { Call } from './service.js';

/**
 * One streaming call, as layers see it: the items that go out with it (`undefined` where the method takes none) and the items
 * that come back. An upload gives back exactly one item, its result.
 */
export type StreamService = (call: Call, items: AsyncIterable<unknown> | undefined) => AsyncIterable<unknown>;

/**
 * A policy around streaming calls, on either side. A second type beside `Layer`: most policies of unary calls (retry, hedging,
 * fallback) make no sense for a stream, and the others must say what they do with its items.
 *
 * On a client it may go on several times, also at once: each is a stream of its own, with the items of the caller that the layer passes.
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
