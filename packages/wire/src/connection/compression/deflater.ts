import { deflate, deflateSync } from 'node:zlib';
import type { Limits } from '@org/rpc-core';
import { DEFLATE, findPayload, INFLATED_LENGTH_BYTES, putCompressed } from '../../frames/compressed.js';
import type { Hello } from '../../frames/hello.js';
import type { Output } from '../channel/output.js';
import type { ResolvedCompression } from './compression-options.js';

/**
 * Payloads of up to this many bytes are compressed and inflated at once, in a fraction of a millisecond. Larger ones go to the
 * threads of zlib, so that the event loop is not blocked.
 */
export const AT_ONCE_BYTES: number = 16 * 1024;

/** Compresses the payloads that one connection sends, once its peer has said that it can inflate them. */
export class Deflater {
  readonly #options: ResolvedCompression;
  readonly #waitingBytesMax: number;
  #isOn = false;
  #waitingBytes = 0;

  constructor(options: ResolvedCompression, { writeQueueBytes }: Pick<Limits, 'writeQueueBytes'>) {
    this.#options = options;
    this.#waitingBytesMax = writeQueueBytes;
  }

  /** How many bytes of frames are in the hands of zlib's threads. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether the peer can inflate: what is large may be compressed. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** The peer's HELLO: whether it can inflate. */
  greeted({ compression }: Hello): void {
    this.#isOn = compression?.includes(DEFLATE) ?? false;
  }

  /**
   * Compresses the payload of the frame from `start` to the output's position, which has not been committed.
   *
   * @returns `undefined` when the frame is in the output, compressed or, if that saves nothing, as it was. Otherwise the frame
   * was taken out, and the promise resolves with it as it must be sent; it never rejects.
   */
  compress(output: Output, start: number): Promise<Buffer> | undefined {
    const { aboveBytes } = this.#options;
    if (!this.#isOn || output.position - start <= aboveBytes) return undefined;
    const { bytes } = output.chunk;
    const payloadStart = findPayload(bytes, start);
    const payloadBytes = output.position - payloadStart;
    if (payloadStart < 0 || payloadBytes <= aboveBytes) return undefined;
    if (payloadBytes > AT_ONCE_BYTES) return this.#later(output, start, payloadStart - start);
    const compressed = deflateSync(bytes.subarray(payloadStart, output.position), this.#zlibOptions(payloadBytes));
    if (isWorthIt(compressed, payloadBytes))
      output.position = putCompressed(bytes, start, payloadStart, payloadBytes, compressed);
    return undefined;
  }

  #later(output: Output, start: number, headBytes: number): Promise<Buffer> | undefined {
    const frameBytes = output.position - start;
    // Frames that wait for zlib are not in the write queue yet. Beyond the queue's bound they go there uncompressed, where they
    // are counted.
    if (this.#waitingBytes + frameBytes > this.#waitingBytesMax) return undefined;
    const frame = Buffer.from(output.chunk.bytes.subarray(start, output.position));
    output.rollBack(start);
    this.#waitingBytes += frameBytes;
    const payloadBytes = frameBytes - headBytes;
    return new Promise((resolve) => {
      deflate(frame.subarray(headBytes), this.#zlibOptions(payloadBytes), (error, compressed) => {
        this.#waitingBytes -= frameBytes;
        if (error !== null || !isWorthIt(compressed, payloadBytes)) return resolve(frame);
        resolve(frame.subarray(0, putCompressed(frame, 0, headBytes, payloadBytes, compressed)));
      });
    });
  }

  /** With room for the whole result, a payload goes to the threads and back only once. */
  #zlibOptions(payloadBytes: number): { level: number; chunkSize: number } {
    return { level: this.#options.level, chunkSize: Math.max(64, payloadBytes) };
  }
}

/** Appends a frame that was compressed outside the output, to be committed. Returns where it begins. */
export function putFrame(output: Output, frame: Buffer): number {
  const start = output.reserve(frame.length);
  output.position = start + frame.copy(output.chunk.bytes, start);
  return start;
}

function isWorthIt(compressed: Buffer, payloadBytes: number): boolean {
  return compressed.length + INFLATED_LENGTH_BYTES < payloadBytes;
}
