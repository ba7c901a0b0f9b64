import { defineService, stream, upload } from '@org/rpc';

/** Bytes of each item of the benchmark. */
export const ITEM_BYTES = 64 * 1024;

/** The service of the benchmark. `reader` and `writer` only tell its callers apart. */
export const Feed = defineService('feed', {
  /** Never ends. */
  items: stream<(reader: string) => AsyncIterable<Uint8Array>>(),
  /** Takes one item every 100 ms. */
  record: upload<(items: AsyncIterable<Uint8Array>, writer: string) => Promise<number>>(),
});

/** What the server process tells when it is asked. */
export interface ServerReport {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Of buffers, which lie outside the heap. */
  readonly bufferBytes: number;
  /** Items produced for each reader. */
  readonly produced: Readonly<Record<string, number>>;
  /** Items taken from each writer. */
  readonly taken: Readonly<Record<string, number>>;
}

/** What a peer process tells when it is asked: items taken by each of its readers, or produced by its writers. */
export type PeerReport = Readonly<Record<string, number>>;
