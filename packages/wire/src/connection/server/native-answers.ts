import type { RpcError } from '@org/rpc-core';
import type { FrameChannel } from '../channel/frame-channel.js';
import type { Deflater } from '../compression/deflater.js';
import type { ServedStream } from '../streams/served-stream.js';
import type { Streams } from '../streams/streams.js';
import { answer, answerEnd, answerError } from './answer.js';
import type { CallAnswers } from './call-runner.js';
import { decodeArgs, inflateArgs } from './decode-args.js';
import type { IncomingCall, MethodEntry } from './incoming-call.js';
import { serveStream } from './serve-stream.js';
import type { ServerConnectionOptions } from './server-host.js';

/** What the native protocol does for the calls that came by it: their arguments and answers as frames. */
export class NativeAnswers<Entry extends MethodEntry> implements CallAnswers<Entry> {
  readonly #channel: FrameChannel;
  readonly #options: ServerConnectionOptions<Entry>;
  readonly #streams: Streams;
  readonly #deflater: Deflater | undefined;
  readonly #onEnded: () => void;

  /** @param onEnded - told when a call has ended, and its stream is closed */
  constructor(
    channel: FrameChannel,
    options: ServerConnectionOptions<Entry>,
    streams: Streams,
    deflater: Deflater | undefined,
    onEnded: () => void,
  ) {
    this.#channel = channel;
    this.#options = options;
    this.#streams = streams;
    this.#deflater = deflater;
    this.#onEnded = onEnded;
  }

  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  get extraBytes(): number {
    return this.#channel.decode.extraBytes ?? 0;
  }

  decodeArgs(_call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): readonly unknown[] {
    return decodeArgs(this.#channel, bytes, start, end);
  }

  inflateArgs(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
    return inflateArgs(bytes, start, end);
  }

  async serveStream(call: IncomingCall<Entry>, stream: ServedStream): Promise<void> {
    await serveStream(call, stream, () => this.#options.host.serveStream(call, stream.received));
    if (!call.abandoned && this.#channel.isOpen) answerEnd(this.#channel, this.#options.limits, call);
  }

  writeResult(call: IncomingCall<Entry>, value: unknown): void | Promise<void> {
    return answer(this.#channel, this.#options.codec, this.#options.limits, call, value, this.#deflater);
  }

  writeFailure(call: IncomingCall<Entry>, error: RpcError): void {
    this.writeError(call.id, error, call.started);
  }

  /** Answers with an error, also a call that never began to run. */
  writeError(id: number, error: RpcError, handlerRan: boolean): void {
    const { codec, limits } = this.#options;
    answerError(this.#channel, codec, limits, id, error, handlerRan);
  }

  callEnded(call: IncomingCall<Entry>): void {
    if (call.stream !== undefined) this.#streams.close(call.id);
    this.#onEnded();
  }
}
