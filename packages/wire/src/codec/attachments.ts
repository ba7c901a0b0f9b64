/**
 * From how many bytes on a binary is sent from where it is. To copy a smaller one costs less than a write of its own, which it would need:
 * with 16 KiB here, an echo of 16 to 32 KiB took a fifth more.
 */
export const ATTACHED_BYTES_MIN: number = 32 * 1024;

interface Attachment {
  /** Where in the chunk it belongs. */
  at: number;
  bytes: Buffer;
}

/** Large binaries of the frame that is being encoded, which are sent from where they are instead of being copied into its chunk. */
export class Attachments {
  /** From how many bytes on a binary is attached to what is encoded next; `Infinity` where all must stand in the chunk. */
  fromBytes: number = Number.POSITIVE_INFINITY;
  /** How many bytes are attached. */
  bytes = 0;
  #all: Attachment[] = NONE;

  /** Attaches bytes that belong behind what stands in the chunk before `at`. */
  add(value: Uint8Array, at: number): void {
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (this.#all === NONE) this.#all = [];
    this.#all.push({ at, bytes });
    this.bytes += bytes.length;
  }

  /** What stands in the chunk from `from` on has been moved by so many bytes. */
  move(from: number, by: number): void {
    for (const attachment of this.#all) if (attachment.at >= from) attachment.at += by;
  }

  /** Puts copies, in memory of their size, in place of all: of what may change before it is sent. */
  own(): void {
    for (const attachment of this.#all) attachment.bytes = copyOf(attachment.bytes);
  }

  /** Forgets all. */
  drop(): void {
    this.#all = NONE;
    this.bytes = 0;
  }

  /** Takes out `chunk[start, end)` together with what is attached there, in order. */
  take(chunk: Buffer, start: number, end: number): Buffer[] {
    const parts: Buffer[] = [];
    let from = start;
    for (const { at, bytes } of this.#all) {
      if (at > from) parts.push(chunk.subarray(from, at));
      parts.push(bytes);
      from = at;
    }
    if (end > from) parts.push(chunk.subarray(from, end));
    this.drop();
    return parts;
  }
}

const NONE: Attachment[] = [];

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Whether the memory of these bytes stays what it is while they are sent: other memory is shared, or changes its size. */
export function mayBeAttached({ buffer }: Uint8Array): boolean {
  return buffer instanceof ArrayBuffer && (buffer as { resizable?: boolean }).resizable !== true;
}
