import type { Limits } from '@org/rpc-core';
import { Unpackr } from 'msgpackr';
import type { Codec, DecodeMessage } from './codec.js';
import { extraBytesOf, withExtraBytes } from './extra-bytes.js';
import { type MsgpackOptions, msgpack } from './msgpack.js';
import { PlainCheck } from './plain-check.js';

/**
 * A codec that decodes with `msgpackr`, for those who want that library in their process: a peer dependency, `npm install
 * msgpackr`. It says the same as `msgpack()`, to the byte and to the word of each error, and carries the same name: either end
 * may use either.
 *
 * msgpackr by itself believes what it reads: no bound on depth or elements, broken UTF-8 replaced, large integers rounded,
 * extensions that build regular expressions and cycles. So a pass over the bytes comes first ({@link MsgpackOptions} and
 * limits as for `msgpack()`), and msgpackr gets only what is whole, within the bounds and plain MessagePack. What holds an
 * extension, a large integer or a mistake goes to the decoder of `msgpack()`. Values are encoded as `msgpack()` does it:
 * msgpackr drops or changes what it cannot say (`Map`, `-0`, half surrogate pairs, the fields of class instances),
 * and looking for that beforehand costs more than the encoding.
 *
 * Generates no code while it runs, as long as nobody else in the process makes msgpackr use records, and works under
 * `--disallow-code-generation-from-strings`. Its cache of keys is one for the process and not one for each connection.
 * @throws TypeError when an option is out of range
 */
export function msgpackrCodec(options: MsgpackOptions = {}): Codec {
  const strict = msgpack(options);
  // No state between two messages and no reference into `bytes`; integers that would be rounded never get here.
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number', copyBuffers: true });
  const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  return {
    name: strict.name,
    encode: strict.encode,
    createDecoder(limits: Limits): DecodeMessage {
      const check = new PlainCheck(limits);
      const decodeStrictly = strict.createDecoder(limits);
      let wasPlain = false;
      const decode = (bytes: Buffer, start: number, end: number, mayKeep = false): unknown => {
        wasPlain = check.isPlain(bytes, start, end);
        if (!wasPlain) return decodeStrictly(bytes, start, end, mayKeep);
        try {
          return unpack(unpackr, scratch, bytes, start, end);
        } catch {
          // Such as a stack that was nearly full before: msgpackr recurses, the other decoder does not.
          return decodeStrictly(bytes, start, end, mayKeep);
        }
      };
      return withExtraBytes(decode, () => (wasPlain ? extraBytesOf(check) : (decodeStrictly.extraBytes ?? 0)));
    },
  };
}

/** From this length on a view of the bytes costs less than a copy. */
const SCRATCH_BYTES = 8192;

/** Never hands over `bytes` itself: msgpackr hangs a property onto what it reads from, and is slower far into a chunk. */
function unpack(unpackr: Unpackr, scratch: Buffer, bytes: Buffer, start: number, end: number): unknown {
  const length = end - start;
  if (length > SCRATCH_BYTES) return unpackr.unpack(bytes.subarray(start, end));
  bytes.copy(scratch, 0, start, end);
  return unpackr.unpack(scratch, length);
}
