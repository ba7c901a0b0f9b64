import { FrameType, HEADER_BYTES, PREFACE } from '../src/frames/frame.js';
import type { ByteReceiver, ByteStream } from '../src/transport/byte-stream.js';
import { encoded } from './codec-helpers.js';

/** A frame as it stood on the wire. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly body: Buffer;
}

/** The bytes of one frame; `length` lies about its body. */
export function rawFrame(
  type: number,
  body: Buffer = Buffer.alloc(0),
  id = 0,
  flags = 0,
  length = body.length,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(length, 0);
  header.writeUInt8(type, 4);
  header.writeUInt8(flags, 5);
  header.writeUInt32BE(id, 6);
  return Buffer.concat([header, body]);
}

/** A HELLO with sensible fields, or those given. */
export function helloFrame(fields: Record<string, unknown> = {}): Buffer {
  const hello = { version: 1, instance: 'raw', expect: '', codec: 'msgpack', uptimeMs: 0 };
  return rawFrame(
    FrameType.HELLO,
    encoded({ ...hello, messageBytes: 4 * 1024 * 1024, callsInFlight: 4096, ...fields }),
  );
}

/** What a REQUEST may say besides its arguments. */
export interface RawRequest {
  readonly name?: [service: string, method: string];
  readonly remainingMs?: number;
  readonly flags?: number;
  readonly metadata?: Buffer;
  /** In place of encoded arguments. */
  readonly payload?: Buffer;
}

/** A REQUEST for `test.echo`, or the method given. */
export function requestFrame(id: number, args: readonly unknown[] = [], request: RawRequest = {}): Buffer {
  const { name = ['test', 'echo'], remainingMs = 0, metadata = Buffer.alloc(0), flags = 0 } = request;
  const fixed = Buffer.alloc(10);
  fixed.writeUInt32BE(remainingMs, 0);
  fixed.writeUInt8(128, 5);
  fixed.writeUInt16BE(metadata.length, 6);
  fixed.writeUInt8(name[0].length, 8);
  fixed.writeUInt8(name[1].length, 9);
  const body = Buffer.concat([fixed, Buffer.from(name.join('')), metadata, request.payload ?? encoded(args)]);
  return rawFrame(FrameType.REQUEST, body, id, flags);
}

/** A RESPONSE with this result. */
export function responseFrame(id: number, value: unknown): Buffer {
  return rawFrame(FrameType.RESPONSE, encoded(value), id);
}

/** A GOAWAY. */
export function goAwayFrame(code: number, reason: string): Buffer {
  return rawFrame(FrameType.GOAWAY, Buffer.concat([Buffer.from([code]), Buffer.from(reason)]));
}

/** What a GOAWAY says. */
export function readGoAway({ type, body }: RawFrame): { code: number; reason: string } {
  if (type !== FrameType.GOAWAY) throw new Error(`frame type ${type} is no GOAWAY`);
  return { code: body[0]!, reason: body.toString('utf8', 1) };
}

/** What an ERROR says. */
export function readError({ type, body }: RawFrame): { code: number; handlerRan: number; reason: string } {
  if (type !== FrameType.ERROR) throw new Error(`frame type ${type} is no ERROR`);
  return { code: body[0]!, handlerRan: body[1]!, reason: body.toString('utf8', 8, 8 + body.readUInt16BE(6)) };
}

/** The other end of a connection under test: sends any bytes and records what comes. */
export class RawPeer implements ByteReceiver {
  readonly stream: ByteStream;
  isEnded = false;
  isClosed = false;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(stream: ByteStream) {
    this.stream = stream;
    stream.start(this);
  }

  /** Everything that came. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The frames that came, without a preface. Read anew from the bytes, by other means than the reader under test. */
  get frames(): RawFrame[] {
    const frames: RawFrame[] = [];
    let rest = this.#bytes;
    if (rest[0] === PREFACE[0]) rest = rest.subarray(PREFACE.length);
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt32BE(0);
      if (rest.length < end) break;
      frames.push({
        type: rest.readUInt8(4),
        flags: rest.readUInt8(5),
        id: rest.readUInt32BE(6),
        body: rest.subarray(HEADER_BYTES, end),
      });
      rest = rest.subarray(end);
    }
    return frames;
  }

  /** The frames of one type. */
  framesOf(type: number): RawFrame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** The one frame of a type; fails when there is none, or more. */
  only(type: number): RawFrame {
    const frames = this.framesOf(type);
    if (frames.length !== 1) throw new Error(`${frames.length} frames of type ${type} came, not one`);
    return frames[0]!;
  }

  /** What the one GOAWAY said. */
  get goAway(): { code: number; reason: string } {
    return readGoAway(this.only(FrameType.GOAWAY));
  }

  send(...parts: readonly Uint8Array[]): void {
    this.stream.write(Buffer.concat(parts));
  }

  data(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  drained(): void {}

  ended(): void {
    this.isEnded = true;
  }

  closed(): void {
    this.isClosed = true;
  }
}
