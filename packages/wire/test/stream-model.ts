import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { TimerQueue } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { msgpack } from '../src/codec/msgpack.js';
import { ClientConnection } from '../src/connection/client/client-connection.js';
import { serveMessagePackRpc } from '../src/connection/message-pack-rpc/message-pack-rpc-server-connection.js';
import { ServerConnection } from '../src/connection/server/server-connection.js';
import { ItemQueue } from '../src/connection/streams/item-queue.js';
import { pump } from '../src/connection/streams/pump.js';
import { FrameType } from '../src/frames/frame.js';
import { FrameReader } from '../src/frames/frame-reader.js';
import { CONNECTION_CREDIT, readCredit, STREAM_CREDIT } from '../src/frames/stream-frames.js';
import type { ByteStream } from '../src/transport/byte-stream.js';
import { memoryPair } from '../src/transport/memory.js';
import { makeCall, TestHost } from './connection-rig.js';
import { wholeFrames } from './whole-frames.js';

/** The largest item that a model sends. */
export const ITEM_BYTES_MAX = 40_000;
/** What items consist of: one buffer for all of them, for a property sends gigabytes. */
const BLANK = Buffer.alloc(ITEM_BYTES_MAX);
const PREFACE_BYTES = 5;
/** The least credit that a stream can have, so that many of the sequences use it up. */
const LIMITS = { ...DEFAULT_LIMITS, streamCreditBytes: STREAM_CREDIT };
/** So many of the largest items are more than a quarter of the connection's window. */
const PROBES = 1 + Math.ceil(CONNECTION_CREDIT / 4 / ITEM_BYTES_MAX);

/** One direction of one stream: what was given to be sent, what was read. */
class Way {
  readonly source = new ItemQueue();
  given = 0;
  isGivenUp = false;
  #inbox: AsyncIterator<unknown> | undefined;
  readonly read: number[] = [];
  end: 'none' | 'end' | 'error' = 'none';
  ends = 0;
  #wanted = 0;
  #isReading = false;

  give(bytes: number): void {
    if (!this.isGivenUp) this.source.push([this.given++, BLANK.subarray(0, bytes)], 0);
  }

  /** The source says that no more comes. */
  finish(): void {
    this.isGivenUp = true;
    this.source.end();
  }

  readFrom(inbox: AsyncIterator<unknown>): void {
    this.#inbox = inbox;
    this.#work();
  }

  /** The reader takes so many more items. */
  want(count: number): void {
    this.#wanted += count;
    this.#work();
  }

  /** The reader has had enough. */
  stop(): void {
    this.#wanted = 0;
    this.#inbox?.return?.();
  }

  #work(): void {
    if (this.#isReading || this.#wanted === 0 || this.#inbox === undefined || this.ends > 0) return;
    this.#isReading = true;
    this.#wanted--;
    this.#inbox.next().then(
      ({ done, value }) => {
        this.#isReading = false;
        if (done === true) this.#over('end');
        else this.read.push((value as [number])[0]);
        this.#work();
      },
      () => this.#over('error'),
    );
  }

  #over(end: 'end' | 'error'): void {
    this.#isReading = false;
    this.end = end;
    this.ends++;
  }
}

/** One stream: the way up to the server, the way down to the client, and how the call ended. */
export class ModelStream {
  readonly up = new Way();
  readonly down = new Way();
  readonly received = new ItemQueue();
  readonly controller = new AbortController();
  readonly number: number;
  settled = 0;
  failed = false;
  /** Whether somebody ended it before its time. */
  isBroken = false;
  /** Whether the handler may have ended before it had read everything. */
  endsEarly = false;

  constructor(number: number) {
    this.number = number;
  }
}

/** What went over the wire in one direction: items and grants, by stream; 0 is the connection. */
class Ledger {
  readonly items = new Map<number, number>();
  readonly granted = new Map<number, number>();
  readonly ends = new Map<number, number>();
  readonly #reader = new FrameReader(
    wholeFrames({
      frame: (type, _flags, id, bytes, start, end) => {
        if (type === FrameType.ITEM) {
          add(this.items, id, Math.max(1, end - start));
          add(this.items, 0, Math.max(1, end - start));
        } else if (type === FrameType.CREDIT) add(this.granted, id, readCredit(bytes, start, end));
        else if (type === FrameType.END) add(this.ends, id, 1);
      },
      oversized: () => assert.fail('oversized'),
    }),
    DEFAULT_LIMITS.messageBytes,
  );
  #skip: number;

  constructor(skip: number) {
    this.#skip = skip;
  }

  write(bytes: Buffer): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    this.#reader.push(bytes, skipped);
  }
}

/** A client's and a server's connection with streams between them, all of whose steps are taken from outside. */
export class StreamWorld {
  readonly clock = new FakeClock(1_000);
  /** Those of this part of the run; {@link settle} ends them all. */
  streams: ModelStream[] = [];
  /** By number, over the whole run. */
  readonly #all: ModelStream[] = [];
  readonly #timers = new TimerQueue(this.clock);
  readonly #upLedger = new Ledger(PREFACE_BYTES);
  readonly #downLedger = new Ledger(0);
  readonly #client: ClientConnection;
  readonly #server: ServerConnection;
  isClosed = false;

  constructor() {
    const [clientEnd, serverEnd] = memoryPair();
    const host = new TestHost();
    host.methods['both'] = ((items: AsyncIterable<unknown>, number: number) => {
      const stream = this.#all[number]!;
      stream.up.readFrom(items[Symbol.asyncIterator]());
      return stream.down.source;
    }) as never;
    const shared = { codec: msgpack(), limits: LIMITS, clock: this.clock };
    this.#server = new ServerConnection({
      messagePackRpc: serveMessagePackRpc,
      ...shared,
      stream: noted(serverEnd, this.#downLedger),
      host,
    });
    const observer = { greeted: () => {}, draining: () => {}, closed: () => {} };
    const stream = noted(clientEnd, this.#upLedger);
    this.#client = new ClientConnection({ ...shared, stream, timers: this.#timers, observer, expectInstance: '' });
  }

  open(): void {
    const one = new ModelStream(this.#all.length);
    this.#all.push(one);
    this.streams.push(one);
    const call = makeCall(this.clock, 'both', [one.number], { signal: one.controller.signal });
    call.stream = {
      received: one.received,
      opened: (_attempt, sender) => {
        pump(one.up.source, sender).done.then(
          (end) => {
            if (end === 'ended') sender.end();
          },
          () => {},
        );
      },
    };
    one.received.onStopped = () => one.controller.abort();
    one.down.readFrom(one.received);
    this.#client.send(call).then(
      () => {
        one.settled++;
        one.received.end();
      },
      (error: unknown) => {
        one.settled++;
        one.failed = true;
        one.received.fail(error);
      },
    );
  }

  close(): void {
    this.isClosed = true;
    this.#client.close('the test is over');
  }

  /** What must hold after each step. */
  check(): void {
    for (const [sent, back] of [
      [this.#upLedger, this.#downLedger],
      [this.#downLedger, this.#upLedger],
    ] as const) {
      for (const [id, bytes] of sent.items) {
        const window = id === 0 ? CONNECTION_CREDIT : STREAM_CREDIT;
        const granted = back.granted.get(id) ?? 0;
        assert.ok(granted <= bytes, `stream ${id}: ${granted} bytes were granted and ${bytes} sent`);
        assert.ok(
          bytes - granted < window + ITEM_BYTES_MAX + 16,
          `stream ${id}: ${bytes - granted} bytes beyond the grants`,
        );
      }
      for (const [id, count] of sent.ends) assert.equal(count, 1, `${count} ENDs of stream ${id}`);
    }
    for (const { up, down, number, settled } of this.streams) {
      assert.ok(settled <= 1);
      for (const way of [up, down]) {
        assert.ok(way.ends <= 1);
        assert.ok(way.read.length <= way.given);
        assert.ok(
          way.read.every((item, index) => item === index),
          `stream ${number} read ${way.read.join()}`,
        );
      }
    }
  }

  /** All sources end and all readers read to the end: what is whole must have come whole. Then there are no streams. */
  async settle(): Promise<void> {
    for (const { up, down } of this.streams) {
      up.finish();
      up.want(1e9);
      down.want(1e9);
    }
    await this.clock.advance(0);
    for (const { down } of this.streams) down.finish();
    await this.clock.advance(1);
    this.check();
    for (const { up, down, isBroken, endsEarly, settled, failed, number } of this.streams) {
      assert.equal(settled, 1, `stream ${number} has not settled`);
      if (isBroken || this.isClosed) continue;
      assert.deepEqual([down.read.length, down.end, failed], [down.given, 'end', false], `stream ${number} down`);
      assert.equal(up.ends, 1);
      if (!endsEarly) assert.equal(up.read.length, up.given, `stream ${number} up`);
    }
    this.streams = [];
  }

  /** When all have settled: no credit is lost, and nothing is left behind. */
  async finish(): Promise<void> {
    await this.#checkConserved();
    this.#client.close('done');
    await this.clock.advance(2_000);
    this.#timers.close();
    assert.deepEqual([this.#client.inFlight, this.#server.running, this.clock.pending], [0, 0, 0]);
  }

  /**
   * Everything was read or dropped. The receiver grants when a quarter of a window was taken, so one more stream is read item by item
   * until it does: then every byte that was ever sent must have been granted again.
   */
  async #checkConserved(): Promise<void> {
    if (this.isClosed) return;
    this.open();
    const probe = this.streams[0]!;
    for (const [way, sent, back] of [
      [probe.up, this.#upLedger, this.#downLedger],
      [probe.down, this.#downLedger, this.#upLedger],
    ] as const) {
      const before = back.granted.get(0) ?? 0;
      for (let i = 0; i < PROBES && (back.granted.get(0) ?? 0) === before; i++) {
        way.want(1);
        way.give(ITEM_BYTES_MAX);
        await this.clock.advance(0);
      }
      assert.equal(back.granted.get(0), sent.items.get(0), 'bytes of credit are lost, or granted twice');
    }
  }
}

function noted(stream: ByteStream, ledger: Ledger): ByteStream {
  return {
    peer: stream.peer,
    start: (receiver) => stream.start(receiver),
    write: (bytes) => {
      ledger.write(bytes);
      return stream.write(bytes);
    },
    get queuedBytes() {
      return stream.queuedBytes;
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
  };
}

function add(counts: Map<number, number>, id: number, count: number): void {
  counts.set(id, (counts.get(id) ?? 0) + count);
}
