import { DEFAULT_LIMITS } from '@org/rpc-core';
import { CodecError, type DecodeMessage } from '../src/codec/codec.js';
import { foreignMsgpack } from '../src/codec/foreign-msgpack.js';
import { msgpack } from '../src/codec/msgpack.js';
import { msgpackrCodec } from '../src/codec/msgpackr.js';
import { COSTLY_SHAPES, type CostlyShape } from './costly-shapes.js';
import { collect, cpuMs, heldBytes, referenceMs } from './measure-cost.js';

/*
 * Measures what decoded values really take, in a process of its own with --expose-gc. Prints one line of JSON for each measurement.
 * Arguments: the decoder, the bytes of a message, the time that is fast enough. The least of a few times counts: what a message costs
 * shows in all of them, what else the machine does only in some.
 */

/** One measurement. */
export interface Measured {
  readonly shape: string;
  /** Bytes of the largest message of this shape that is taken. */
  readonly bytes: number;
  /** What it takes, besides the message, in bytes. */
  readonly retained: number;
  /** What `inFlightRequestBytes` counts for it besides the message. */
  readonly extraBytes: number;
  /** CPU time of decoding it, garbage collection included, in units of {@link referenceMs}. */
  readonly cpu: number;
  /** CPU time of refusing the whole message, where it was refused. */
  readonly refusal: number;
}

const SAMPLE_BYTES = 16_384;
const ELEMENT_BYTES = 64;

const DECODERS: Readonly<Record<string, () => DecodeMessage>> = {
  msgpack: () => msgpack().createDecoder(DEFAULT_LIMITS),
  foreign: () => foreignMsgpack().createDecoder(DEFAULT_LIMITS),
  msgpackr: () => msgpackrCodec({ unknownExtensions: 'keep' }).createDecoder(DEFAULT_LIMITS),
};

/** How often a time is taken at most; one that is fast enough is not taken again. */
const TIMES_MAX = 8;

const [name = '', bytes = '', enough = ''] = process.argv.slice(2);
const create = DECODERS[name]!;
/** What the compiler must not take away. */
let sink = 0;
/** The first runs are those of an interpreter. */
for (let i = 0; i < 20; i++) referenceMs();
for (const shape of COSTLY_SHAPES) console.log(JSON.stringify(measure(shape, Number(bytes), Number(enough))));
if (sink === 1) console.log('');

function measure(shape: CostlyShape, most: number, enough: number): Measured {
  const whole = shape.message(most);
  const time = (message: Buffer): number => {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TIMES_MAX && least > enough; i++) {
      const unit = Math.max(referenceMs(), referenceMs());
      // The second one waits for the threads that clean up behind the first.
      collect();
      collect();
      least = Math.min(least, cpuMs(() => isTaken(create(), message)) / unit);
    }
    return least;
  };
  if (isTaken(create(), whole)) {
    const cpu = time(whole);
    return { shape: shape.name, bytes: whole.length, ...retainedBy(whole), cpu, refusal: 0 };
  }
  let taken = shape.message(bytesOfElements(shape, most));
  // Other bounds than that on elements are found by trying.
  for (let room = taken.length; !isTaken(create(), taken); taken = shape.message(room)) room = Math.floor(room / 2);
  return { shape: shape.name, bytes: taken.length, ...retainedBy(taken), cpu: time(taken), refusal: time(whole) };
}

/** How long the longest message of a shape is that the bound on elements allows. */
function bytesOfElements(shape: CostlyShape, most: number): number {
  const few = shape.message(SAMPLE_BYTES);
  const decode = DECODERS['foreign']!();
  decode(few, 0, few.length);
  const elementsPerByte = decode.extraBytes! / ELEMENT_BYTES / few.length;
  return Math.min(most, Math.floor((0.99 * DEFAULT_LIMITS.messageElements) / elementsPerByte));
}

function isTaken(decode: DecodeMessage, message: Buffer): boolean {
  try {
    decode(message, 0, message.length);
    return true;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

/** The least of a few: what else the process came to need meanwhile, such as compiled code, shows in one only. */
function retainedBy(message: Buffer): { retained: number; extraBytes: number } {
  let retained = Number.POSITIVE_INFINITY;
  let extraBytes = 0;
  for (let i = 0; i < TIMES_MAX && retained > message.length + extraBytes; i++) {
    const decode = create();
    // What the first use of a decoder makes is not the message's.
    decode(Buffer.of(0xc0), 0, 1);
    const before = heldBytes();
    const value = decode(message, 0, message.length);
    retained = Math.min(retained, heldBytes() - before);
    sink ^= typeof value === 'object' ? 2 : 4;
    extraBytes = decode.extraBytes ?? 0;
  }
  return { retained, extraBytes };
}
