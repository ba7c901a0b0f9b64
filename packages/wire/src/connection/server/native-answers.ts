import type { Clock, Limits, Peer, RpcError } from '@org/rpc-core';
import { rpcError, runInContext } from '@org/rpc-core/internal';
import { ATTACHED_BYTES_MIN } from '../../codec/attachments.js';
import { type Codec, CodecError } from '../../codec/codec.js';
import { GoAwayCode, HEADER_BYTES } from '../../frames/frame.js';
import { writeError, writeLoad, writeResponse } from '../../frames/frame-writer.js';
import { NO_LOAD } from '../../frames/load.js';
import { encodeMetadata } from '../../frames/metadata.js';
import { writeStanding } from '../../frames/standing-frames.js';
import { writeEnd } from '../../frames/stream-frames.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import { type Deflater, putFrame } from '../compression/deflater.js';
import { inflate } from '../compression/inflate.js';
import type { ServedStream } from '../streams/item-queue.js';
import { iteratorOf, pump } from '../streams/pump.js';
import type { Streams } from '../streams/streams.js';
import { noRoomForAnswer, SHORT_ERROR_BYTES } from './answer-room.js';
import type { IncomingCall, IncomingPort, MethodEntry } from './incoming-call.js';
import type { RunningCalls } from './running-calls.js';
import type { ServerConnectionOptions, ServerHost } from './server-host.js';

/** What the answers need of their connection. */
export interface NativeAnswersOptions<Entry extends MethodEntry> {
  readonly channel: FrameChannel;
  readonly connection: ServerConnectionOptions<Entry>;
  readonly running: RunningCalls<Entry>;
  readonly streams: Streams;
  readonly deflater: Deflater | undefined;
  /** Who is at the other end. */
  readonly peer: () => Peer;
  /** Told when a call has ended, and its stream is closed. */
  readonly onEnded: () => void;
}

/** What the native protocol does for the calls that came by it: their arguments and answers as frames. */
export class NativeAnswers<Entry extends MethodEntry> implements IncomingPort<Entry> {
  readonly #channel: FrameChannel;
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #host: ServerHost<Entry>;
  readonly #running: RunningCalls<Entry>;
  readonly #streams: Streams;
  readonly #deflater: Deflater | undefined;
  readonly #peer: () => Peer;
  readonly #onEnded: () => void;
  /** Whether the client wants to know how busy the server is. */
  tellsLoad = false;

  constructor({ channel, connection, running, streams, deflater, peer, onEnded }: NativeAnswersOptions<Entry>) {
    this.#channel = channel;
    this.#codec = connection.codec;
    this.#limits = connection.limits;
    this.#clock = connection.clock;
    this.#host = connection.host;
    this.#running = running;
    this.#streams = streams;
    this.#deflater = deflater;
    this.#peer = peer;
    this.#onEnded = onEnded;
  }

  get peer(): Peer {
    return this.#peer();
  }

  get draining(): AbortSignal {
    return this.#host.self.draining;
  }

  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  now(): number {
    return this.#clock.now();
  }

  atDeadline(deadline: number, run: () => void): () => void {
    return this.#clock.schedule(deadline - this.#clock.now(), run, true);
  }

  hold(call: IncomingCall<Entry>): void {
    this.#running.add(call);
  }

  inflate(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
    return inflateArgs(bytes, start, end);
  }

  decode(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): readonly unknown[] {
    const args = decodeArgs(this.#channel, bytes, start, end);
    const refusal = this.#running.charge(call, this.#channel.decode.extraBytes ?? 0);
    if (refusal !== undefined) throw refusal;
    return args;
  }

  answer(call: IncomingCall<Entry>, value: unknown): void | Promise<void> {
    if (call.wantsTimes) this.#tellTimes(call);
    return answer(this.#channel, this.#codec, this.#limits, call, value, this.#deflater, this.#load(1));
  }

  /** Says, before the answer, how long the call was here. One without a deadline has brought nothing to reckon from. */
  #tellTimes({ id, grantedMs, deadline, waitedMs }: IncomingCall<Entry>): void {
    if (grantedMs === 0) return;
    const sinceMs = this.#clock.now() - (deadline - grantedMs);
    const { output } = this.#channel;
    writeStanding(output, id, { isRunning: true, sinceMs, waitedMs: Math.min(waitedMs, sinceMs), isDone: true });
    output.commit();
  }

  /** Says where a call stands that has a deadline, and for which call of its own its handler waits. */
  tellStanding(call: IncomingCall<Entry>, readAt: number): void {
    const { id, deadline, grantedMs, admitted: isRunning } = call;
    const sinceMs = readAt - (deadline - grantedMs);
    const waitedMs = isRunning ? call.waitedMs : sinceMs;
    const below = call.downstream;
    const { output } = this.#channel;
    if (below === undefined) writeStanding(output, id, { isRunning, sinceMs, waitedMs });
    else {
      const { service, method, destination } = below;
      // An address says how to get there: that is not for who calls this server.
      const instance = destination?.instance === destination?.address ? undefined : destination?.instance;
      const sinceBelowMs = Math.max(0, readAt - below.root.createdAt);
      const downstream = { service, method, instance, sinceMs: Math.min(sinceMs, sinceBelowMs) };
      writeStanding(output, id, { isRunning, sinceMs, waitedMs, downstream });
    }
    output.commit();
  }

  async answerItems(call: IncomingCall<Entry>, stream: ServedStream, items: () => unknown): Promise<void> {
    await serveStream(call, stream, items, () => this.#streams.unread(call.id));
    if (!call.abandoned && this.#channel.isOpen) answerEnd(this.#channel, this.#limits, call);
  }

  fail(call: IncomingCall<Entry>, error: RpcError): void {
    if (call.wantsTimes) this.#tellTimes(call);
    this.writeError(call.id, error, call.started, 1);
  }

  /**
   * Answers with an error, also a call that never began to run; where there is no room for more, with a short one.
   * @param ending - 1 when the call still counts as in flight
   */
  writeError(id: number, error: RpcError, handlerRan: boolean, ending = 0): void {
    const { output, writes, bodyBytesMax } = this.#channel;
    const hasRoom = noRoomForAnswer(writes, this.#limits) === undefined;
    const start = output.position;
    output.attachments.fromBytes = Number.POSITIVE_INFINITY;
    writeError(
      output,
      this.#codec,
      id,
      error,
      handlerRan,
      hasRoom ? bodyBytesMax : SHORT_ERROR_BYTES,
      this.#load(ending),
    );
    writes.commit(start, id);
  }

  /** Says how busy the server is. */
  writeLoad(): void {
    writeLoad(this.#channel.output, this.#load(0));
    this.#channel.output.commit();
  }

  #load(ending: number): number {
    return this.tellsLoad ? this.#host.load!(ending) : NO_LOAD;
  }

  end(call: IncomingCall<Entry>): void {
    this.#running.remove(call);
    if (call.stream !== undefined) this.#streams.close(call.id);
    this.#onEnded();
  }
}

/**
 * Reads the arguments of a call. Bytes that are no value close the connection. A value that is not accepted here, because of a
 * bound or an unknown extension, fails only its call: the frame is sound, and an honest peer may have sent it.
 * @throws RpcError INVALID_ARGUMENT when they cannot be read or are no list
 */
function decodeArgs(channel: FrameChannel, bytes: Buffer, start: number, end: number): readonly unknown[] {
  let args: unknown;
  try {
    args = channel.decode(bytes, start, end, bytes === channel.given);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof CodecError && !error.malformed)
      throw rpcError('INVALID_ARGUMENT', `the arguments cannot be taken: ${message}`, { progress: 'refused' });
    const reason = `the arguments are malformed: ${message}`;
    channel.closeFor(GoAwayCode.PROTOCOL_ERROR, reason);
    throw rpcError('INVALID_ARGUMENT', reason, { progress: 'refused' });
  }
  if (!Array.isArray(args))
    throw rpcError('INVALID_ARGUMENT', 'the arguments must be an array', { progress: 'refused' });
  return args;
}

/**
 * Inflates the arguments of a call that came compressed; a promise when they are large.
 * @throws RpcError INVALID_ARGUMENT when they are not what was announced, or the promise rejects with it; the connection goes on
 */
function inflateArgs(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
  const refused = (error: unknown): never => {
    const reason = `the compressed arguments cannot be read: ${(error as Error).message}`;
    throw rpcError('INVALID_ARGUMENT', reason, { progress: 'refused', cause: error });
  };
  try {
    const payload = inflate(bytes, start, end);
    return Buffer.isBuffer(payload) ? payload : payload.catch(refused);
  } catch (error) {
    return refused(error);
  }
}

/**
 * Answers a call with its result.
 * @returns a promise when the result is large and is compressed first; it never rejects
 * @throws Error that says why the result or its metadata cannot be sent; nothing has been appended then
 */
function answer(
  channel: FrameChannel,
  codec: Codec,
  limits: Limits,
  call: IncomingCall,
  value: unknown,
  deflater: Deflater | undefined,
  load: number,
): void | Promise<void> {
  const { output, writes, bodyBytesMax } = channel;
  const noRoom = noRoomForAnswer(channel.writes, limits);
  if (noRoom !== undefined) throw noRoom;
  const start = output.position;
  output.attachments.fromBytes = deflater?.isOn === true ? Number.POSITIVE_INFINITY : ATTACHED_BYTES_MIN;
  writeResponse(output, codec, call.id, value, metadataOf(call, limits), load);
  const bodyBytes = output.bytesSince(start) - HEADER_BYTES;
  if (bodyBytes > bodyBytesMax) {
    output.rollBack(start);
    const reason = `the result has ${bodyBytes} bytes, the limit is ${bodyBytesMax} (limits.messageBytes)`;
    // The handler has run, and would give the same result on any other server.
    throw rpcError('RESOURCE_EXHAUSTED', reason, { final: true });
  }
  const compressing = deflater?.compress(output, start);
  if (compressing === undefined) return writes.commit(start, call.id);
  return compressing.then((frame) => {
    if (!call.abandoned && channel.isOpen) writes.commit(putFrame(output, frame), call.id);
  });
}

/**
 * Says that no more items of a call will come.
 * @throws TypeError when its metadata cannot be sent
 * @throws RpcError RESOURCE_EXHAUSTED when its metadata is more than the peer takes in one message
 */
function answerEnd(channel: FrameChannel, limits: Limits, call: IncomingCall): void {
  const { output, writes, bodyBytesMax } = channel;
  const start = output.position;
  writeEnd(output, call.id, metadataOf(call, limits));
  const bodyBytes = output.position - start - HEADER_BYTES;
  if (bodyBytes > bodyBytesMax) {
    output.rollBack(start);
    const reason = `the end has ${bodyBytes} bytes, the limit is ${bodyBytesMax} (limits.messageBytes)`;
    throw rpcError('RESOURCE_EXHAUSTED', reason, { final: true });
  }
  writes.commit(start, call.id);
}

function metadataOf({ responseMetadataIfAny }: IncomingCall, limits: Limits): Buffer | undefined {
  return responseMetadataIfAny === undefined ? undefined : encodeMetadata(responseMetadataIfAny, limits);
}

/**
 * Runs a streaming handler: its iterator is pulled while there is credit, each time inside the call's context. When the caller
 * stops, the deadline passes or the connection is lost, `return` of the iterator is called.
 *
 * @param start - runs the handler and returns its result
 * @param onEnded - called before what the handler has not taken is dropped
 * @returns when the handler has let go
 * @throws what the handler throws, or why it was stopped
 */
async function serveStream(
  call: IncomingCall,
  { received, sender }: ServedStream,
  start: () => unknown,
  onEnded: () => void,
): Promise<void> {
  const { signal } = call;
  if (signal.aborted) throw signal.reason;
  const name = `${call.service}.${call.method}: what the handler gives`;
  const iterator = runInContext(call, () => iteratorOf(start(), name));
  const pumping = pump(iterator, sender, { run: call.inContext ?? ((step) => runInContext(call, step)) });
  const onAbort = (): void => {
    received.cut(signal.reason);
    pumping.stop();
    sender.close();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const end = await pumping.done;
    if (signal.aborted) throw signal.reason;
    if (end === 'stopped') throw new Error('the stream was closed');
  } finally {
    signal.removeEventListener('abort', onAbort);
    onEnded();
    received.return();
  }
}
