import type { ItemReceiver, ItemSender, Limits, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { ATTACHED_BYTES_MIN } from '../../codec/attachments.js';
import { type Codec, CodecError } from '../../codec/codec.js';
import { COMPRESSED, readInflatedLength } from '../../frames/compressed.js';
import { CLIENT_ID_MAX, FrameType, HEADER_BYTES, MORE, ProtocolError } from '../../frames/frame.js';
import type { Hello } from '../../frames/hello.js';
import {
  CONNECTION_CREDIT,
  firstStreamCredit,
  itemCost,
  readCredit,
  STREAM_CREDIT,
  writeCredit,
  writeEnd,
  writeItem,
} from '../../frames/stream-frames.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import { type Deflater, putFrame } from '../compression/deflater.js';
import { ReceiveCredit, SendCredit } from './credit.js';
import { ItemBacklog } from './item-backlog.js';
import { type SenderPort, StreamSender } from './stream-sender.js';
import { WaitingItems } from './waiting-items.js';

/** Ids start again at the lowest after the highest: of two ids, the later one is less than this ahead of the other. */
const ID_WINDOW = 2 ** 30;

/** How many CREDIT frames an item may cause: for its stream, and for the connection when the item comes and when it is taken. */
const GRANTS_PER_ITEM = 3;

/** An item of more bytes is not decoded before it is taken: its value could take sixty times as much memory. */
const EAGER_BYTES_MAX = 16 * 1024;
/** The memory of an item's outermost value, which is no element of another value. */
const VALUE_BYTES = 64;
/** The memory of a waiting item besides its bytes: its places in the queue and the backlog. */
const WAITING_ITEM_BYTES = 32;

/** The state of an open stream. */
interface OpenStream {
  readonly sender: StreamSender;
  readonly credit: ReceiveCredit;
  readonly received: ItemReceiver;
  /** Whether the peer has announced the end of its items. */
  ended: boolean;
  /** Whether anybody takes its items. */
  isRead: boolean;
  /** Whether an item has come. */
  hasItems: boolean;
  /** The cost of an item of which pieces are still to come; 0 when no such item is open. */
  announcedCost: number;
  /** How many items wait to be taken. */
  waiting: number;
  /** The memory of the waiting items that are decoded, besides their bytes. No decoded item is added while others wait as bytes. */
  readBytes: number;
  readonly backlog: ItemBacklog;
  /** Decodes the oldest item of the backlog. */
  readonly readNext: () => unknown;
}

/**
 * The streams of one connection, on either side: their items in both directions, under one credit for each stream and one for all
 * streams together. It knows nothing of calls.
 */
export class Streams {
  readonly #channel: FrameChannel;
  readonly #codec: Codec;
  readonly #deflater: Deflater | undefined;
  readonly #items: WaitingItems;
  /** How many items of all streams wait, and the memory of those that are decoded: see {@link OpenStream}. */
  #waitingItems = 0;
  #readBytes = 0;
  readonly #open = new Map<number, OpenStream>();
  /** The id that was opened last. Ids count up, so it tells streams that have ended from streams that never existed. */
  #newestId = 0;
  readonly #sendCredit = new SendCredit(CONNECTION_CREDIT);
  readonly #receiveCredit: ReceiveCredit;
  readonly #limits: Limits;
  readonly #waiting = new Set<StreamSender>();
  /** How many grants the peer can have reason to send: for the start of each stream, and for each of its items. */
  #grantsDue = 1;
  #onStarved: ((id: number) => void) | undefined;
  /** The credit that the peer grants a stream at its start. */
  #streamCredit = STREAM_CREDIT;

  constructor(channel: FrameChannel, codec: Codec, limits: Limits, deflater: Deflater | undefined) {
    this.#channel = channel;
    this.#codec = codec;
    this.#limits = limits;
    this.#deflater = deflater;
    this.#items = new WaitingItems(channel, limits);
    // Later items overtake a large one: the item that took the credit below 0 may arrive before it.
    this.#receiveCredit = new ReceiveCredit(limits.connectionCreditBytes, { slack: limits.messageBytes });
  }

  /** How many streams are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether the stream with this id is open. */
  has(id: number): boolean {
    return this.#open.has(id);
  }

  /** Whether the stream with this id is open and has got an item. */
  hasItems(id: number): boolean {
    return this.#open.get(id)?.hasItems === true;
  }

  /** Opens a stream. @throws ProtocolError when the id is already open */
  open(id: number, received: ItemReceiver): ItemSender {
    if (this.#open.has(id)) throw new ProtocolError(`call id ${id} is in flight already`);
    const { streamCreditBytes } = this.#limits;
    const credit = new ReceiveCredit(firstStreamCredit(streamCreditBytes), { windowMax: streamCreditBytes });
    const sender = new StreamSender(id, this.#streamCredit, this.#port);
    const backlog = new ItemBacklog();
    const stream: OpenStream = {
      sender,
      credit,
      received,
      ended: false,
      isRead: true,
      hasItems: false,
      announcedCost: 0,
      waiting: 0,
      readBytes: 0,
      backlog,
      readNext: () => this.#items.read(backlog.take()),
    };
    received.onTaken = (cost) => this.#taken(id, stream, cost);
    this.#open.set(id, stream);
    if (!this.#hasBeen(id)) this.#newestId = id;
    this.#grantsDue += 2;
    return sender;
  }

  /** Nobody will take items of this stream any more: it gets no more credit, and only what was on its way still comes. */
  unread(id: number): void {
    const stream = this.#open.get(id);
    if (stream !== undefined) stream.isRead = false;
  }

  /** The call is over: none of its items are sent any more, and later frames are dropped. */
  close(id: number): void {
    const stream = this.#open.get(id);
    if (stream === undefined) return;
    this.#open.delete(id);
    stream.sender.close();
    this.#waiting.delete(stream.sender);
    if (stream.announcedCost > 0) {
      this.#channel.incoming.drop(id);
      this.#grantConnection(stream.announcedCost);
    }
  }

  /** ITEM, CREDIT, or the END of a peer's items. @throws ProtocolError when the peer breaks the rules */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (type === FrameType.ITEM) this.#item(flags, id, bytes, start, end);
    else if (type === FrameType.CREDIT) this.#credit(id, readCredit(bytes, start, end));
    else {
      if (start !== end) throw new ProtocolError(`an END of ${end - start} bytes: that of a client is empty`);
      this.ended(id);
    }
  }

  /** An item in pieces has begun. Returns whether it is wanted. @throws ProtocolError when credit does not cover it */
  announced(id: number, itemBytes: number): boolean {
    const stream = this.#receive(id, itemBytes);
    if (stream === undefined) return false;
    stream.announcedCost = itemBytes;
    return true;
  }

  /**
   * An item that is too long has begun and is skipped. Its stream cannot go on without it, but its credit must return to the connection.
   * @throws ProtocolError when credit does not cover it
   */
  skipped(id: number, itemBytes: number): void {
    if (this.#receive(id, itemBytes) !== undefined) this.#grantConnection(itemBytes);
  }

  /** Drops a call's messages from the write queue. Returns whether the peer has got the beginning of one of them. */
  dropUnsent(id: number): boolean {
    const { writes } = this.#channel;
    const dropped = writes.isEmpty ? undefined : writes.drop(id);
    if (dropped === undefined) return false;
    if (dropped.itemBytes > 0) {
      this.#sendCredit.grant(dropped.itemBytes);
      this.wake();
    }
    return dropped.isCut;
  }

  /** The peer's items have ended. Returns the stream's receiver, `undefined` when no such stream is open. */
  ended(id: number): ItemReceiver | undefined {
    const stream = this.#open.get(id);
    if (stream === undefined) {
      this.#dropped('END', id);
      return undefined;
    }
    if (stream.ended) throw new ProtocolError(`a second END of stream ${id}`);
    stream.ended = true;
    stream.received.end();
    return stream.received;
  }

  /**
   * The peer will send nothing more. Readers of its items get `error`, unless the END of the items has come. Items still go out as far as
   * credit was granted.
   * @param onStarved - called for each stream that waits for credit, now or later: no more can come
   */
  peerEnded(error: RpcError, onStarved: (id: number) => void): void {
    for (const stream of this.#open.values()) {
      if (stream.ended) continue;
      stream.ended = true;
      stream.received.fail(error);
    }
    this.#onStarved = onStarved;
    for (const sender of [...this.#waiting]) this.#checkStarved(sender);
  }

  #checkStarved(sender: StreamSender): void {
    if (!sender.credit.isOpen || !this.#sendCredit.isOpen) this.#onStarved?.(sender.id);
  }

  /** The peer's HELLO may grant more than the default credit. @throws ProtocolError when that overflows */
  greeted(hello: Hello): void {
    const { streamCredit = STREAM_CREDIT, connectionCredit = CONNECTION_CREDIT } = hello;
    this.#sendCredit.grant(connectionCredit - CONNECTION_CREDIT);
    for (const { sender } of this.#open.values()) sender.credit.grant(streamCredit - this.#streamCredit);
    this.#streamCredit = streamCredit;
    this.wake();
  }

  /** Lets streams go on that waited for credit or for the write queue. */
  wake(): void {
    for (const sender of [...this.#waiting]) {
      if (!this.#port.mayWrite()) return;
      if (!sender.isReady) continue;
      // A sender that waits again goes to the end: streams that share a credit take turns.
      this.#waiting.delete(sender);
      sender.wake();
    }
  }

  #item(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const cost = itemCost(end - start);
    const stream = (flags & MORE) === 0 ? this.#receive(id, cost) : this.#open.get(id);
    if (stream === undefined) return;
    stream.announcedCost = 0;
    stream.hasItems = true;
    this.#waitingItems++;
    stream.waiting++;
    const isCompressed = (flags & COMPRESSED) !== 0;
    // A compressed item that is cut short is malformed, whatever it holds.
    if (isCompressed) readInflatedLength(bytes, start, end);
    if (isCompressed || !this.#pushRead(stream, bytes, start, end, cost))
      this.#pushBytes(stream, bytes, start, end, cost, isCompressed);
  }

  /**
   * Decodes an item and hands it on: every item that need not wait, and some that wait.
   * @returns whether it was handed on
   * @throws ProtocolError when it is malformed
   */
  #pushRead(stream: OpenStream, bytes: Buffer, start: number, end: number, cost: number): boolean {
    const { received } = stream;
    const channel = this.#channel;
    const mayWait = end - start <= EAGER_BYTES_MAX && this.#readBytes < this.#limits.connectionCreditBytes;
    if (!(mayWait || received.isAwaited) || !stream.backlog.isEmpty) return false;
    let value: unknown;
    try {
      value = start === end ? undefined : channel.decode(bytes, start, end, bytes === channel.given);
    } catch (error) {
      // The reader learns that it cannot be read when it takes this item; earlier items are sound.
      if (error instanceof CodecError && !error.malformed) return false;
      throw new ProtocolError(`an item is malformed: ${(error as Error).message}`);
    }
    received.push(value, cost);
    if (stream.waiting > 0 && start !== end) {
      const extraBytes = (channel.decode.extraBytes ?? 0) + VALUE_BYTES;
      stream.readBytes += extraBytes;
      this.#readBytes += extraBytes;
    }
    return true;
  }

  /** Hands on an item that is decoded when it is taken. */
  #pushBytes(stream: OpenStream, bytes: Buffer, start: number, end: number, cost: number, isCompressed: boolean): void {
    const { backlog, waiting } = stream;
    if (bytes === this.#channel.given) backlog.keep(bytes, start, end, isCompressed);
    else backlog.add(bytes, start, end, isCompressed);
    stream.received.pushClosed(stream.readNext, cost);
    // The item was dropped at once, while earlier ones may still be taken.
    if (stream.waiting < waiting && !backlog.isEmpty) backlog.dropLast();
  }

  /** An item has come or begun. Returns its stream, `undefined` when nobody wants the item. */
  #receive(id: number, cost: number): OpenStream | undefined {
    this.#receiveCredit.receive(cost, 'the connection');
    const stream = this.#open.get(id);
    if (stream === undefined) {
      this.#dropped('an ITEM', id);
      this.#grantConnection(cost);
      return undefined;
    }
    if (stream.ended) throw new ProtocolError(`an ITEM after the END of stream ${id}`);
    stream.credit.receive(cost, `stream ${id}`);
    const lendable = this.#limits.inFlightRequestBytes - WAITING_ITEM_BYTES * this.#waitingItems;
    const grant = this.#receiveCredit.lend(cost, lendable);
    if (grant > 0) this.#grant(0, grant);
    return stream;
  }

  #credit(id: number, bytes: number): void {
    if (this.#grantsDue > 0) this.#grantsDue--;
    else this.#channel.ignoreFrame('a CREDIT for which nothing was sent');
    if (id === 0) this.#sendCredit.grant(bytes);
    else {
      const stream = this.#open.get(id);
      if (stream === undefined) return this.#dropped('CREDIT', id);
      stream.sender.credit.grant(bytes);
    }
    this.wake();
  }

  /** A frame of a stream that is not open: either it crossed the end on its way, as any number may, or the stream never existed. */
  #dropped(what: string, id: number): void {
    if (!this.#hasBeen(id)) this.#channel.ignoreFrame(`${what} of stream ${id}, which was never open`);
  }

  #hasBeen(id: number): boolean {
    return this.#newestId !== 0 && ((this.#newestId - id) & CLIENT_ID_MAX) < ID_WINDOW;
  }

  #taken(id: number, stream: OpenStream, cost: number): void {
    this.#waitingItems--;
    if (--stream.waiting === 0) this.#nothingWaits(stream);
    const grant = stream.credit.taken(cost);
    const isGranted = grant > 0 && stream.isRead && !stream.ended && this.#open.get(id) === stream;
    if (isGranted) this.#grant(id, grant);
    // Both in one write: with writes of their own, each grant would cost the sender a read more.
    this.#grantConnection(cost, isGranted);
  }

  #nothingWaits(stream: OpenStream): void {
    this.#readBytes -= stream.readBytes;
    stream.readBytes = 0;
    stream.backlog.clear();
  }

  #grantConnection(cost: number, isEarly = false): void {
    const grant = this.#receiveCredit.taken(cost, isEarly);
    if (grant > 0) this.#grant(0, grant);
  }

  #grant(id: number, bytes: number): void {
    if (!this.#channel.isOpen) return;
    writeCredit(this.#channel.output, id, bytes);
    this.#channel.output.commit();
  }

  readonly #port: SenderPort = {
    mayWrite: () => this.#sendCredit.isOpen && !this.#channel.isFull,
    wait: (sender) => {
      this.#waiting.add(sender);
      if (this.#onStarved !== undefined) this.#checkStarved(sender);
    },
    freed: (sender) => {
      if (!this.#waiting.has(sender) || !sender.isReady || !this.#port.mayWrite()) return;
      this.#waiting.delete(sender);
      sender.wake();
    },
    write: (sender, value) => {
      const { output, bodyBytesMax } = this.#channel;
      const start = output.position;
      output.attachments.fromBytes = this.#deflater?.isOn === true ? Number.POSITIVE_INFINITY : ATTACHED_BYTES_MIN;
      try {
        writeItem(output, this.#codec, sender.id, value);
      } catch (error) {
        output.rollBack(start);
        const reason = `an item cannot be sent: ${(error as Error).message}`;
        // A bad item of a handler is not its caller's mistake, and the caller need not see it.
        if (this.#channel.isServer) throw new Error(reason, { cause: error });
        throw rpcError('INVALID_ARGUMENT', reason, { cause: error, progress: 'processed' });
      }
      const bytes = output.bytesSince(start) - HEADER_BYTES;
      if (bytes > bodyBytesMax) {
        output.rollBack(start);
        throw tooLarge(bytes, bodyBytesMax);
      }
      const compressing = this.#deflater?.compress(output, start);
      if (compressing !== undefined) return compressing;
      const cost = itemCost(output.bytesSince(start) - HEADER_BYTES);
      this.#sendCredit.take(cost);
      this.#grantsDue += GRANTS_PER_ITEM;
      if (output.attachments.bytes === 0) this.#channel.writes.commit(start, sender.id);
      else {
        // Whoever gives the items may use the memory of one again for the next, which is not asked for until the stream has let go of it.
        sender.isLent = true;
        if (this.#channel.writes.commitLent(start, sender.id, sender.free)) sender.isLent = false;
      }
      return cost;
    },
    append: (id, frame) => {
      const { output, writes } = this.#channel;
      const cost = itemCost(frame.length - HEADER_BYTES);
      this.#sendCredit.take(cost);
      this.#grantsDue += GRANTS_PER_ITEM;
      writes.commit(putFrame(output, frame), id);
      return cost;
    },
    end: (id) => {
      const { output, writes } = this.#channel;
      const start = output.position;
      writeEnd(output, id, undefined);
      writes.commit(start, id);
    },
  };
}

function tooLarge(bytes: number, max: number): RpcError {
  return rpcError('RESOURCE_EXHAUSTED', `an item has ${bytes} bytes, the peer takes ${max} (limits.messageBytes)`, {
    progress: 'processed',
    final: true,
  });
}
