import { DEFAULT_LIMITS } from '@org/rpc-core';
import { foreignMsgpack } from '../src/codec/foreign-msgpack.js';
import { msgpack } from '../src/codec/msgpack.js';
import { createScanner } from '../src/codec/scanner.js';
import type { ByteReceiver, ByteStream } from '../src/transport/byte-stream.js';
import { encoded } from './codec-helpers.js';

const CODEC = msgpack({ unknownExtensions: 'keep' });

/** The bytes of one message, whatever it is. */
export function message(...items: readonly unknown[]): Buffer {
  return encoded(items, CODEC);
}

/** The other end of a MessagePack-RPC connection, scripted by a test. */
export class MessagePackRpcPeer implements ByteReceiver {
  /** What has arrived, decoded. */
  readonly messages: unknown[] = [];
  /** What has arrived, as bytes. */
  bytes: Buffer = Buffer.alloc(0);
  hasEnded = false;
  isClosed = false;
  /** Runs for each message that arrives. */
  onMessage: (message: unknown[]) => void = () => {};
  readonly #stream: ByteStream;
  readonly #scanner = createScanner(DEFAULT_LIMITS);
  readonly #decode = foreignMsgpack().createDecoder(DEFAULT_LIMITS);
  #read = 0;
  #scanned = 0;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    stream.start(this);
  }

  send(...parts: readonly Buffer[]): void {
    this.#stream.write(Buffer.concat(parts));
  }

  end(): void {
    this.#stream.end();
  }

  /** Stops or goes on reading. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  data(bytes: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    while (this.#scanned < this.bytes.length) {
      const end = this.#scanner.push(this.bytes, this.#scanned, this.bytes.length);
      if (end < 0) {
        this.#scanned = this.bytes.length;
        return;
      }
      const value = this.#decode(this.bytes, this.#read, end) as unknown[];
      this.#read = end;
      this.#scanned = end;
      this.messages.push(value);
      this.onMessage(value);
    }
  }

  drained(): void {}

  ended(): void {
    this.hasEnded = true;
  }

  closed(): void {
    this.isClosed = true;
  }
}
