/** The chunk that was decoded from last and its view, shared by all decoders of a codec so that none holds memory itself. */
export interface ViewCache {
  bytes: Buffer;
  view: DataView;
  /** Memory for copies of small binaries of this chunk, of one connection therefore. */
  slab: Buffer;
  /** How much of the slab is used. */
  slabBytes: number;
}

/** A binary of at least this part of its message may be a view of it: more memory than 1.25 times its own is not kept for it. */
export const VIEWED_PART = 0.8;

/** A longer binary has memory of its own. */
const SHARED_BYTES_MAX = 2 * 1024;
const SLAB_BYTES = 16 * 1024;
/** What the place of each binary is a multiple of, so that a typed array of any kind may lie there. */
const ALIGNMENT = 8;

const NOTHING = Buffer.alloc(0);

/** A cache that has seen nothing. */
export function createViewCache(): ViewCache {
  return { bytes: NOTHING, view: new DataView(new ArrayBuffer(0)), slab: NOTHING, slabBytes: 0 };
}

/** Makes `bytes` the chunk that is decoded from. */
export function lookAt(views: ViewCache, bytes: Buffer): void {
  if (views.bytes === bytes) return;
  views.bytes = bytes;
  views.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  views.slab = NOTHING;
  views.slabBytes = 0;
}

/**
 * Copies a binary of the chunk in hand. A large one gets memory of its own, exactly as long. Small ones share memory with others
 * that came in the same chunk, and so from the same peer: no more of it than what is left of the chunk, at most 16 KiB, and zeroed, so
 * that their `buffer` shows nothing of anybody else. Slices of Node's pool would.
 */
export function copyOf(views: ViewCache, bytes: Buffer, start: number, end: number): Buffer {
  const byteLength = end - start;
  if (byteLength > SHARED_BYTES_MAX) {
    const copy = Buffer.allocUnsafeSlow(byteLength);
    bytes.copy(copy, 0, start, end);
    return copy;
  }
  if (views.slabBytes + byteLength > views.slab.length) {
    views.slab = Buffer.alloc(Math.min(SLAB_BYTES, bytes.length - start));
    views.slabBytes = 0;
  }
  const copy = views.slab.subarray(views.slabBytes, views.slabBytes + byteLength);
  bytes.copy(copy, 0, start, end);
  views.slabBytes += Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
  return copy;
}
