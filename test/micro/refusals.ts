import { createServer, defineService, memory, method, type ServerOptions } from '@org/rpc';
import { resolveLimits } from '@org/rpc-core/internal';
import { allocateChunk, type Chunk } from '../../packages/wire/src/codec/codec.js';
import { msgpack } from '../../packages/wire/src/codec/msgpack.js';
import { createRequestHead, type FrameTarget, writeRequest } from '../../packages/wire/src/frames/frame-writer.js';
import { writeGreeting } from '../../packages/wire/src/frames/hello.js';
import type { ByteReceiver, ByteStream } from '../../packages/wire/src/transport/byte-stream.js';
import type { Case } from './measure.js';

const Echo = defineService('echo', {
  sum: method<(x: number, y: number) => number>(),
  hold: method<() => Promise<void>>(),
});

/** Requests that come together, as of a client with many callers. */
const BATCH = 32;
const SERVED = 'server, a call from bytes to bytes';

/** What a server pays for a call that it refuses, beside one that it serves: from the bytes of requests to those of answers, without a socket. */
export function refusalCases(): Case[] {
  const of = (name: string, options: ServerOptions, called = 'sum'): Case => {
    const server = createServer({ registry: memory(), overload: false, ...options });
    server.add(Echo, { sum: (x, y) => x + y, hold: () => new Promise(() => {}) });
    const link = new Link();
    const codec = msgpack();
    const words = { instance: 'c', expect: '', uptimeMs: 0 };
    const greeting = written((target) => writeGreeting(target, codec, resolveLimits('', {}), words, true));
    const first = requests('hold', 1, 1_000);
    const batch = requests(called, BATCH, 1);
    let isOpen = false;
    const run = async (count: number): Promise<void> => {
      // Not sooner: who has not greeted in time is sent away.
      if (!isOpen) server.accept(link);
      if (!isOpen) for (const bytes of [greeting, first]) await link.give(bytes);
      isOpen = true;
      for (let i = 0; i < count; i += BATCH) link.receiver!.data(batch);
      await link.give(Buffer.alloc(0));
    };
    return { name, run, ...(name === SERVED ? {} : { beside: SERVED }) };
  };
  return [
    of(SERVED, {}),
    of('the same, refused by concurrency', { concurrency: { max: 1 } }),
    of('the same, refused by a rate', { rateLimit: { perSecond: 0.001, burst: 1 } }),
    of('the same, refused by the limits of its connection', { limits: { callsInFlight: 1 } }),
    of('the same, of no such method', {}, 'sun'),
  ];
}

function requests(name: string, count: number, firstId: number): Buffer {
  const head = createRequestHead();
  head.wireName = Buffer.from([4, name.length, ...Buffer.from(`echo${name}`)]);
  Object.assign(head, { remainingMs: 600_000, attempt: 1, priority: 128 });
  return written((target) => {
    for (let i = 0; i < count; i++) {
      head.id = firstId + i;
      writeRequest(target, msgpack(), head, [1, 2]);
    }
  });
}

function written(write: (target: FrameTarget) => void): Buffer {
  const chunk: Chunk = allocateChunk(64 * 1024);
  const target = { chunk, position: 0, reserve: () => target.position };
  write(target);
  return chunk.bytes.subarray(0, target.position);
}

/** A connection of which this is the other end; what comes is not looked at. */
class Link implements ByteStream {
  readonly peer = { address: '10.0.0.1:1' };
  readonly queuedBytes = 0;
  receiver: ByteReceiver | undefined;

  start(receiver: ByteReceiver): void {
    this.receiver = receiver;
  }

  /** Resolves a turn later, when it has been dealt with. */
  give(bytes: Buffer): Promise<void> {
    this.receiver!.data(bytes);
    return new Promise((resolve) => setImmediate(resolve));
  }

  write(): boolean {
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}
