import { DEFAULT_LIMITS } from '../../../packages/rpc-core/src/limits.js';
import { type Codec, CodecError } from '../../../packages/wire/src/codec/codec.js';
import { foreignMsgpack } from '../../../packages/wire/src/codec/foreign-msgpack.js';
import { msgpack } from '../../../packages/wire/src/codec/msgpack.js';
import { msgpackrCodec } from '../../../packages/wire/src/codec/msgpackr.js';
import { createScanner } from '../../../packages/wire/src/codec/scanner.js';
import { ProtocolError } from '../../../packages/wire/src/frames/frame.js';
import { readHello } from '../../../packages/wire/src/frames/hello.js';
import { helloFrame } from '../../../packages/wire/test/raw-peer.js';
import { encode } from '../grammar/message-pack.js';
import { type Gene, renderGene } from './gene.js';
import { mutateGene, seedGenes } from './mutate-gene.js';
import type { CostInput, CostRun, CostSubject } from './subject.js';

const USUAL_BYTES = 64 * 1024;
const HELLO_BYTES = 16 * 1024;

/** What decodes one value: the codecs, what finds its end, and HELLO. */
export const DECODERS: readonly CostSubject<Gene>[] = [
  decoder('msgpack', msgpack({ unknownExtensions: 'keep' })),
  decoder('msgpackr', msgpackrCodec({ unknownExtensions: 'keep' })),
  decoder('message-pack-rpc', foreignMsgpack()),
  {
    ...values('scanner', [USUAL_BYTES, DEFAULT_LIMITS.messageBytes]),
    open: () => keeping((input) => createScanner(DEFAULT_LIMITS).push(input, 0, input.length)),
  },
  {
    ...values('hello', [HELLO_BYTES, HELLO_BYTES]),
    render: (gene, bytes) => asInput(helloWith(renderGene(gene, bytes - 150))),
    open: () => keeping((input) => readHello(input, 0, input.length)),
  },
];

function decoder(name: string, codec: Codec): CostSubject<Gene> {
  return {
    ...values(name, [USUAL_BYTES, DEFAULT_LIMITS.messageBytes]),
    open: () => {
      const decode = codec.createDecoder(DEFAULT_LIMITS);
      // What the first use of a decoder makes is not the message's.
      decode(Buffer.of(0xc0), 0, 1);
      return keeping(
        (input) => decode(input, 0, input.length),
        () => decode.extraBytes ?? 0,
      );
    },
  };
}

function values(name: string, sizes: CostSubject['sizes']): Omit<CostSubject<Gene>, 'open'> {
  return {
    name,
    sizes,
    seeds: seedGenes,
    table: [],
    mutate: mutateGene,
    render: (gene, bytes) => asInput(renderGene(gene, bytes)),
  };
}

function asInput(input: Buffer): CostInput {
  return { input, bytes: input.length, messages: 1 };
}

/** A HELLO with a field that nobody knows. */
function helloWith(value: Buffer): Buffer {
  const known = helloFrame().subarray(10);
  return Buffer.concat([Buffer.of(known[0]! + 1), known.subarray(1), encode('x'), value]);
}

/** Keeps what some work gives; what it refuses is fine. */
function keeping(work: (input: Buffer) => unknown, counted: () => number | undefined = () => undefined): CostRun {
  const kept: unknown[] = [];
  return {
    take: ({ input }) => {
      try {
        kept.push(work(input));
      } catch (error) {
        if (!(error instanceof CodecError) && !(error instanceof ProtocolError)) throw error;
      }
    },
    counted: () => (kept.length === 0 ? undefined : counted()),
    close: () => void kept.splice(0),
  };
}
