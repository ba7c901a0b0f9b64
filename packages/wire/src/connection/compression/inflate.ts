import { inflate as inflateLater, inflateSync, type ZlibOptions } from 'node:zlib';
import { INFLATED_LENGTH_BYTES, readInflatedLength } from '../../frames/compressed.js';
import { AT_ONCE_BYTES } from './deflater.js';

/** Compressed bytes that are corrupt or not of the announced length: only their call fails. */
export class InflateError extends Error {
  override readonly name = 'InflateError';
}

/** What zlib gives with `info`: beside the bytes, how many it has read. Its type declarations do not know of it. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * Inflates the payload section `bytes[start, end)` of a frame with the flag COMPRESSED. It never produces more than the announced
 * length, which the caller has compared with its bounds before.
 *
 * @param isPatient - whether a large payload may go to zlib's threads; otherwise it is inflated at once as well
 * @returns the payload; a promise of it when it is large. Of `bytes`, nothing is kept then.
 * @throws InflateError, or the promise rejects with it, when it is corrupt or not as long as announced
 */
export function inflate(bytes: Buffer, start: number, end: number, isPatient = true): Buffer | Promise<Buffer> {
  const announced = readInflatedLength(bytes, start, end);
  const compressed = bytes.subarray(start + INFLATED_LENGTH_BYTES, end);
  const options: ZlibOptions = {
    info: true,
    maxOutputLength: Math.max(1, announced),
    // One byte more than needed, so that zlib sees at once that nothing follows.
    chunkSize: Math.max(64, announced + 1),
  };
  if (!isPatient || Math.max(announced, compressed.length) <= AT_ONCE_BYTES) {
    let inflated: Inflated;
    try {
      inflated = inflateSync(compressed, options) as unknown as Inflated;
    } catch (error) {
      throw explained(error, announced);
    }
    return checked(inflated, announced, compressed.length);
  }
  const kept = Buffer.from(compressed);
  return new Promise((resolve, reject) => {
    inflateLater(kept, options, (error, inflated) => {
      if (error !== null) return reject(explained(error, announced));
      try {
        resolve(checked(inflated as unknown as Inflated, announced, kept.length));
      } catch (mistake) {
        reject(mistake);
      }
    });
  });
}

function checked({ buffer, engine }: Inflated, announced: number, compressedBytes: number): Buffer {
  if (buffer.length !== announced)
    throw new InflateError(`it inflates to ${buffer.length} bytes, ${announced} were announced`);
  if (engine.bytesWritten !== compressedBytes)
    throw new InflateError(`${compressedBytes - engine.bytesWritten} bytes follow after its end`);
  return buffer;
}

function explained(error: unknown, announced: number): InflateError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_BUFFER_TOO_LARGE')
    return new InflateError(`it inflates to more than the ${announced} bytes that were announced`);
  return new InflateError(`it is corrupt: ${message}`);
}
