import { deflateSync } from 'node:zlib';
import { COMPRESSED } from '../../../packages/wire/src/frames/compressed.js';
import { FrameType, MORE, PREFACE, ReplyFlag, RequestFlag } from '../../../packages/wire/src/frames/frame.js';
import { compressedPayload } from '../../../packages/wire/test/compressed-frames.js';
import { COSTLY_SHAPES } from '../../../packages/wire/test/costly-shapes.js';
import { helloFrame, rawFrame, requestFrame } from '../../../packages/wire/test/raw-peer.js';
import type { Chance } from '../chance.js';
import { encode, u16, u32 } from '../grammar/message-pack.js';
import type { Gene } from './gene.js';
import { renderGene } from './gene.js';
import { mutateGene, randomGene, seedGenes } from './mutate-gene.js';
import type { CostInput } from './subject.js';

/** What a peer sends over and over: frames, or messages of MessagePack-RPC. */
export type Session = readonly Part[];

/** One of them. */
export interface Part {
  readonly kind: string;
  readonly gene: Gene;
  /** Bytes of its value. */
  readonly bytes: number;
  readonly times: number;
}

/** How the parts of one kind of peer are written. */
export interface Peer {
  readonly opening: Buffer;
  readonly kinds: Readonly<Record<string, (value: Buffer, id: number) => Buffer>>;
}

const PARTS_MAX = 6;
/** How many streams or calls what comes is spread over. */
export const IDS = 64;
const METADATA_BYTES = 16_384;
const AT_ONCE_BYTES = 4096;
const INFLATES: readonly string[] = ['deflated', 'inflating'];

/** A client of the native protocol. Odd calls are streams that nobody reads. */
export const NATIVE_CLIENT: Peer = {
  opening: Buffer.concat([PREFACE, helloFrame()]),
  kinds: {
    request: (value, id) =>
      requestFrame(id, [], { name: ['test', 'hold'], payload: Buffer.concat([Buffer.of(0x91), value]) }),
    echo: (value, id) =>
      requestFrame(id, [], { name: ['test', 'echo'], payload: Buffer.concat([Buffer.of(0x91), value]) }),
    notify: (value) =>
      requestFrame(0, [], {
        name: ['test', 'hold'],
        payload: Buffer.concat([Buffer.of(0x91), value]),
        flags: RequestFlag.ONE_WAY,
      }),
    none: (value, id) => requestFrame(id, [], { name: ['test', 'none'], payload: value }),
    stream: (value, id) =>
      Buffer.concat([
        requestFrame(id, [], { name: ['test', 'streams'], payload: Buffer.of(0x90), flags: RequestFlag.STREAM }),
        rawFrame(FrameType.ITEM, value, id),
      ]),
    metadata: (value, id) =>
      requestFrame(id, [], { name: ['test', 'hold'], metadata: metadata(value), payload: Buffer.of(0x90) }),
    deflated: (value, id) =>
      requestFrame(id, [], {
        name: ['test', 'hold'],
        payload: deflated(Buffer.concat([Buffer.of(0x91), value])),
        flags: COMPRESSED,
      }),
    begun: (value, id) => begun(requestFrame(id, [], { name: ['test', 'hold'], payload: value })),
    cancel: (_value, id) => Buffer.concat([requestFrame(id, []), rawFrame(FrameType.CANCEL, Buffer.of(1), id)]),
    ping: () => rawFrame(FrameType.PING, Buffer.alloc(8)),
    unknown: (value) => rawFrame(13, value),
    hello: (value) => helloWith(value),
  },
};

/** A server of the native protocol: even ids wait for a result, odd ones are streams that nobody reads. */
export const NATIVE_SERVER: Peer = {
  opening: helloFrame(),
  kinds: {
    response: (value, id) => rawFrame(FrameType.RESPONSE, value, even(id)),
    error: (value, id) => rawFrame(FrameType.ERROR, errorBody(value), even(id)),
    failure: (value, id) => rawFrame(FrameType.ERROR, errorBody(value), odd(id)),
    item: (value, id) => rawFrame(FrameType.ITEM, value, odd(id)),
    items: (value, id) =>
      Buffer.concat(Array.from({ length: 50 }, () => rawFrame(FrameType.ITEM, value.subarray(0, 100), odd(id)))),
    metadata: (value, id) => rawFrame(FrameType.RESPONSE, withMetadata(value), even(id), ReplyFlag.METADATA),
    end: (value, id) => rawFrame(FrameType.END, withMetadata(value).subarray(0, -1), odd(id), ReplyFlag.METADATA),
    deflated: (value, id) => rawFrame(FrameType.RESPONSE, deflated(value), even(id), COMPRESSED),
    inflating: (value, id) => rawFrame(FrameType.ITEM, deflated(value), odd(id), COMPRESSED),
    begun: (value, id) => begun(rawFrame(FrameType.RESPONSE, value, even(id))),
    ping: () => rawFrame(FrameType.PING, Buffer.alloc(8)),
    unknown: (value) => rawFrame(13, value),
    late: (value, id) => rawFrame(FrameType.RESPONSE, value, IDS + id),
    hello: (value) => helloWith(value),
  },
};

/** A client of MessagePack-RPC. */
export const RPC_CLIENT: Peer = {
  opening: Buffer.alloc(0),
  kinds: {
    request: (value, id) =>
      Buffer.concat([Buffer.of(0x94, 0), encode(id), encode('test.hold'), Buffer.of(0x91), value]),
    echo: (value, id) => Buffer.concat([Buffer.of(0x94, 0), encode(id), encode('test.echo'), Buffer.of(0x91), value]),
    notify: (value) => Buffer.concat([Buffer.of(0x93, 2), encode('test.hold'), Buffer.of(0x91), value]),
    none: (value, id) => Buffer.concat([Buffer.of(0x94, 0), encode(id), encode('test.none'), Buffer.of(0x91), value]),
    method: (value, id) => Buffer.concat([Buffer.of(0x94, 0), encode(id), value, Buffer.of(0x90)]),
    id: (value) => Buffer.concat([Buffer.of(0x94, 0), value, encode('test.hold'), Buffer.of(0x90)]),
    response: (value, id) => Buffer.concat([Buffer.of(0x94, 1), encode(id), Buffer.of(0xc0), value]),
    begun: (value, id) => Buffer.concat([Buffer.of(0x94, 0), encode(id), encode('test.hold'), value.subarray(0, -1)]),
  },
};

/** A server of MessagePack-RPC, for calls with ids from 0. */
export const RPC_SERVER: Peer = {
  opening: Buffer.alloc(0),
  kinds: {
    response: (value, id) => Buffer.concat([Buffer.of(0x94, 1), encode(1 + (id % IDS)), Buffer.of(0xc0), value]),
    error: (value, id) => Buffer.concat([Buffer.of(0x94, 1), encode(1 + (id % IDS)), value, Buffer.of(0xc0)]),
    late: (value, id) => Buffer.concat([Buffer.of(0x94, 1), encode(IDS + id), Buffer.of(0xc0), value]),
    request: (value, id) =>
      Buffer.concat([Buffer.of(0x94, 0), encode(id), encode('test.hold'), Buffer.of(0x91), value]),
    notify: (value) => Buffer.concat([Buffer.of(0x93, 2), encode('test.hold'), Buffer.of(0x91), value]),
    id: (value) => Buffer.concat([Buffer.of(0x94, 1), value, Buffer.of(0xc0, 0xc0)]),
    begun: (value, id) =>
      Buffer.concat([Buffer.of(0x94, 1), encode(1 + (id % IDS)), Buffer.of(0xc0), value.subarray(0, -1)]),
  },
};

/** The parts over and over, as many as fit. */
export function renderSession(peer: Peer, session: Session, room: number): CostInput {
  const parts: Buffer[] = [peer.opening];
  let [bytes, inflated, frames] = [peer.opening.length, 0, 0];
  const values = session.map(({ gene, bytes: most }) => renderGene(gene, Math.min(most, room)));
  for (let turn = 0; bytes + inflated < room && session.length > 0; turn++) {
    const { kind, times } = session[turn % session.length]!;
    const value = values[turn % session.length]!;
    for (let i = 0; i < times && bytes + inflated < room; i++) {
      const part = peer.kinds[kind]!(value, 1 + frames);
      frames++;
      parts.push(part);
      bytes += part.length;
      if (INFLATES.includes(kind)) inflated += value.length;
    }
  }
  const inflates = session.some(({ kind }) => INFLATES.includes(kind));
  return { input: Buffer.concat(parts), bytes: bytes + inflated, messages: frames, inflates };
}

/** What a search begins with: each kind of part with small and large values of the worst shapes. */
export function seedSessions(peer: Peer): readonly Session[] {
  const genes = seedGenes();
  return Object.keys(peer.kinds).flatMap((kind, index) =>
    [16, 400, 60_000].map(
      (bytes, size): Session => [{ kind, bytes, times: 1, gene: genes[(7 * index + 31 * size) % genes.length]! }],
    ),
  );
}

/** Each kind of part with values of the shapes that are the worst of their kind, many small ones and one that is large. */
export function tableOf(peer: Peer): readonly { readonly name: string; readonly form: Session }[] {
  return Object.keys(peer.kinds).flatMap((kind) =>
    WORST.flatMap((shape) =>
      [24, 60_000].map((bytes) => {
        const index = COSTLY_SHAPES.findIndex(({ name }) => name === shape);
        const gene: Gene = { kind: 'shape', index, bytes };
        return { name: `${kind} of ${bytes} bytes: ${shape}`, form: [{ kind, bytes, times: 1, gene }] };
      }),
    ),
  );
}

const WORST: readonly string[] = [
  'empty sets',
  'maps with a key up to 1023',
  'maps of one whole number',
  'texts that are not UTF-8',
];

/** Changes one session a few times; `other` gives what is put into it. */
export function mutateSession(peer: Peer, session: Session, other: Session, chance: Chance): Session {
  const at = chance.below(session.length);
  const part = session[at]!;
  const kind = chance.below(7);
  const donor = chance.pick(other);
  if (kind === 0 && session.length > 1) return session.toSpliced(at, 1);
  if (kind === 1 && session.length < PARTS_MAX) return session.toSpliced(at, 0, donor);
  if (kind === 2) return session.with(at, { ...part, kind: chance.pick(Object.keys(peer.kinds)) });
  if (kind === 3) return session.with(at, { ...part, bytes: 1 + chance.size(64 * 1024) });
  if (kind === 4) return session.with(at, { ...part, times: 1 + chance.size(200) });
  if (kind === 5) return session.with(at, { ...part, gene: chance.flip(0.5) ? donor.gene : randomGene(chance) });
  return session.with(at, { ...part, gene: mutateGene(part.gene, donor.gene, chance) });
}

function even(id: number): number {
  return 2 * (1 + (id % (IDS / 2)));
}

function odd(id: number): number {
  return 1 + 2 * (id % (IDS / 2));
}

/** As many pairs as the bytes of a value give, with keys of their own. */
function metadata(value: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0, room = Math.min(value.length, METADATA_BYTES - 8); room > 0; i++) {
    const key = i.toString(36);
    const text = value.toString('hex', i % value.length, (i % value.length) + 3);
    const pair = Buffer.concat([Buffer.of(key.length), u16(text.length), Buffer.from(key + text)]);
    room -= pair.length;
    if (room >= 0) parts.push(pair);
  }
  return Buffer.concat(parts);
}

function withMetadata(value: Buffer): Buffer {
  const pairs = metadata(value);
  return Buffer.concat([u16(pairs.length), pairs, Buffer.of(0xc0)]);
}

/** INTERNAL, the handler ran, no retry, no text, these details. */
function errorBody(details: Buffer): Buffer {
  return Buffer.concat([Buffer.of(13, 1), u32(0xffff_ffff), u16(0), details]);
}

function deflated(value: Buffer): Buffer {
  return compressedPayload(value, value.length, deflateSync(value));
}

/** The first piece of a message of which no more comes. */
function begun(whole: Buffer): Buffer {
  const piece = whole.subarray(10, 10 + AT_ONCE_BYTES);
  return rawFrame(
    whole[4]!,
    Buffer.concat([u32(Math.max(whole.length, 4 * 1024 * 1024)), piece]),
    whole.readUInt32BE(6),
    whole[5]! | MORE,
  );
}

/** A HELLO with a field that nobody knows. */
function helloWith(value: Buffer): Buffer {
  const known = helloFrame().subarray(10);
  const body = Buffer.concat([Buffer.of(known[0]! + 1), known.subarray(1), encode('x'), value.subarray(0, 16_000)]);
  return rawFrame(FrameType.HELLO, body);
}
