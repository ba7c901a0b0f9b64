import { deflateSync } from 'node:zlib';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { COMPRESSED } from '../src/frames/compressed.js';
import { FrameType, PREFACE, RequestFlag } from '../src/frames/frame.js';
import { FrameReader } from '../src/frames/frame-reader.js';
import { firstStreamCredit } from '../src/frames/stream-frames.js';
import type { ByteReceiver } from '../src/transport/byte-stream.js';
import { compressedPayload } from './compressed-frames.js';
import { serverRig } from './connection-rig.js';
import { COSTLY_SHAPES } from './costly-shapes.js';
import { heldBytes } from './measure-cost.js';
import { helloFrame, rawFrame, requestFrame } from './raw-peer.js';
import { wholeFrames } from './whole-frames.js';

/*
 * Measures what the items of one connection take that nobody reads, as many as a client may send, on as many streams as it takes. In a
 * process of its own with --expose-gc; prints one line of JSON for each kind of item.
 */

/** One measurement, all in bytes. */
export interface MeasuredItems {
  readonly item: string;
  /** Of the payloads of all items. */
  readonly sentBytes: number;
  readonly streams: number;
  readonly heldBytes: number;
}

/** What is sent at once; what it is lent is seen before the next. */
const NO_ROOM_BYTES = 64 * 1024;
const large = (name: string): Buffer => COSTLY_SHAPES.find((shape) => shape.name === name)!.message(60_000);
const deflated = (payload: Buffer): Buffer => compressedPayload(payload, payload.length, deflateSync(payload));

const ITEMS: readonly [item: string, payload: Buffer, flags?: number][] = [
  ['a number', Buffer.of(7)],
  ['an empty item', Buffer.alloc(0)],
  ['an empty set', Buffer.of(0xd4, 0x73, 0x90)],
  ['an empty map', Buffer.of(0x80)],
  ['a map with the key 1023', Buffer.from('81a43130323301', 'hex')],
  ['what cannot be taken here', Buffer.of(0x81, 1, 1)],
  ['many empty sets', large('empty sets')],
  ['many empty binaries', large('empty binaries')],
  ['many maps with an index', large('maps with a key up to 1023')],
  ['something compressed', deflated(Buffer.of(7)), COMPRESSED],
  [
    'much that is compressed',
    deflated(Buffer.concat([Buffer.of(0xc6, 0, 15, 0, 0), Buffer.alloc(0xf0000)])),
    COMPRESSED,
  ],
];

async function measure(item: string, payload: Buffer, flags: number): Promise<MeasuredItems> {
  const { host, clock, connection, peer } = serverRig();
  host.methods['hold'] = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
  const credit = new Credit();
  peer.data = (bytes) => credit.data(bytes);
  const open = (id: number): Buffer => requestFrame(id, [], { name: ['test', 'hold'], flags: RequestFlag.STREAM });
  peer.send(PREFACE, helloFrame(), open(1));
  await clock.advance(0);
  const before = heldBytes();
  const cost = Math.max(1, payload.length);
  let [sent, id] = [0, 1];
  for (; id < DEFAULT_LIMITS.callsInFlight && credit.granted - sent > NO_ROOM_BYTES; id++) {
    if (id > 1) peer.send(open(id));
    const frame = rawFrame(FrameType.ITEM, payload, id, flags);
    // The last one takes the credit of its stream below 0.
    for (
      let left = firstStreamCredit(DEFAULT_LIMITS.streamCreditBytes);
      left > 0 && credit.granted - sent > NO_ROOM_BYTES;
    ) {
      const count = Math.ceil(Math.min(left, NO_ROOM_BYTES) / cost);
      left -= count * cost;
      sent += count * cost;
      peer.send(...Array<Buffer>(count).fill(frame));
      await clock.advance(0);
    }
  }
  if (host.closedReasons.length > 0) throw new Error(host.closedReasons.join());
  const held = heldBytes() - before;
  connection.close('done');
  await clock.advance(0);
  return { item, sentBytes: sent, streams: id - 1, heldBytes: held };
}

/** Counts what the connection as a whole is granted, and keeps nothing else. */
class Credit implements Pick<ByteReceiver, 'data'> {
  granted = DEFAULT_LIMITS.connectionCreditBytes;
  readonly #reader = new FrameReader(
    wholeFrames({
      frame: (type, _flags, id, bytes, start) => {
        if (type === FrameType.CREDIT && id === 0) this.granted += bytes.readUInt32BE(start);
      },
      oversized: () => {},
    }),
    DEFAULT_LIMITS.messageBytes,
  );

  data(bytes: Buffer): void {
    this.#reader.push(bytes);
  }
}

for (const [item, payload, flags] of ITEMS) {
  console.log(JSON.stringify(await measure(item, payload, flags ?? 0)));
  // What the last one left is let go in later turns.
  await new Promise((done) => setTimeout(done, 50));
}
