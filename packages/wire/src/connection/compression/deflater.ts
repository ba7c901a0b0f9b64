import { deflate, deflateSync } from 'node:zlib';
import type { Limits } from '@org/rpc-core';
import { DEFLATE, findPayload, INFLATED_LENGTH_BYTES, putCompressed } from '../../frames/compressed.js';
import type { Hello } from '../../frames/hello.js';
import type { Output } from '../channel/output.js';
import type { ResolvedCompression } from './compression-options.js';

/**
 * Up to so many bytes, payloads are compressed and inflated at once, in a fraction of a millisecond. What is larger goes to the
 * threads of zlib, so that the event loop does not stand still.
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

  /** The peer's HELLO: whether it can inflate. */
  greeted({ compression }: Hello): void {
    this.#isOn = compression?.includes(DEFLATE) ?? false;
  }

  /**
   * Compresses the payload of the frame from `start` to the output's position, which has not been committed.
   *
   * @returns `undefined` when the frame stands in the output, compressed or, where that saves nothing, as it was. Else the
   * frame was taken out; the promise gives it as it is to be sent, and never rejects.
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
    // What waits for zlib is not in the write queue yet. Beyond its bound it goes as it is, into the queue, which is watched.
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

  /** With room for all that comes out, a payload takes one way to the threads and back. */
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
