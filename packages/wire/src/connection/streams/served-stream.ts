import type { ItemSender } from '@org/rpc-core';
import { ItemQueue } from './item-queue.js';

/** What the server's end of a streaming call has beside the call: the items that come in and the way out. */
export interface ServedStream {
  readonly received: ItemQueue;
  readonly sender: ItemSender;
}

/** A new queue for what a caller sends. */
export function createServedStream(open: (received: ItemQueue) => ItemSender): ServedStream {
  const received = new ItemQueue();
  return { received, sender: open(received) };
}
