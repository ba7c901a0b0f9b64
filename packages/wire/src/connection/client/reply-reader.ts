import type { Call, Limits } from '@org/rpc-core';
import { isRpcError } from '@org/rpc-core';
import { CodecError } from '../../codec/codec.js';
import { FrameType, ProtocolError, ReplyFlag } from '../../frames/frame.js';
import { parseError, parseReplyHead } from '../../frames/frame-parser.js';
import { callError, unfitAnswer } from '../calls/call-owner.js';
import { isDeadlinePassed } from '../calls/deadline-passed.js';
import type { FrameChannel } from '../channel/frame-channel.js';

/** Reads the frames that end calls, on one connection of a client. */
export class ReplyReader {
  readonly #channel: Pick<FrameChannel, 'decode' | 'given'>;
  readonly #limits: Limits;

  constructor(channel: Pick<FrameChannel, 'decode' | 'given'>, limits: Limits) {
    this.#channel = channel;
    this.#limits = limits;
  }

  /**
   * Settles a call with the RESPONSE, ERROR or END whose body is `bytes[start, end)`.
   * @param hasItems - whether items of it have come
   * @throws ProtocolError when it is malformed; the call has failed then
   */
  settle(call: Call, type: number, flags: number, bytes: Buffer, start: number, end: number, hasItems = false): void {
    try {
      if (type === FrameType.RESPONSE) this.#response(call, flags, bytes, start, end);
      else if (type === FrameType.ERROR) this.#error(call, flags, bytes, start, end, hasItems);
      else this.#end(call, flags, bytes, start, end);
    } catch (error) {
      // Beyond limits of this side, which the other one does not know: the connection is sound.
      if (isRpcError(error)) return call.fail(unfitAnswer(call, error.code, error.reason));
      if (error instanceof CodecError && !error.malformed) {
        const reason = `the reply cannot be taken: ${error.message}`;
        return call.fail(callError(call, 'INTERNAL', reason, 'processed', error));
      }
      const reason = `the reply is malformed: ${(error as Error).message}`;
      call.fail(callError(call, 'INTERNAL', reason, 'processed', error));
      throw new ProtocolError(reason);
    }
  }

  #decode(bytes: Buffer, start: number, end: number): unknown {
    const { decode, given } = this.#channel;
    return decode(bytes, start, end, bytes === given);
  }

  #response(call: Call, flags: number, bytes: Buffer, start: number, end: number): void {
    if (call.stream !== undefined) throw new ProtocolError('a RESPONSE to a call that streams');
    // Almost every reply has neither metadata nor load.
    if (flags === 0) return call.succeed(start === end ? undefined : this.#decode(bytes, start, end));
    const { payloadStart, metadata } = parseReplyHead(flags, bytes, start, end, this.#limits);
    const value = payloadStart === end ? undefined : this.#decode(bytes, payloadStart, end);
    call.responseMetadata = metadata;
    call.succeed(value);
  }

  #error(call: Call, flags: number, bytes: Buffer, start: number, end: number, hasItems: boolean): void {
    const { error, metadata } = parseError(flags, bytes, start, end, this.#channel.decode, this.#limits);
    // A stream that has given an item has run, whatever the ERROR says: were it begun anew, its reader would get that item twice.
    if (hasItems && error.progress === 'refused') error.progress = 'processed';
    error.expired = error.code === 'DEADLINE_EXCEEDED' && isDeadlinePassed(call, error.reason);
    error.service = call.service;
    error.method = call.method;
    error.endpoint = call.destination?.address;
    call.responseMetadata = metadata;
    call.fail(error);
  }

  #end(call: Call, flags: number, bytes: Buffer, start: number, end: number): void {
    const { payloadStart, metadata } = parseReplyHead(flags & ReplyFlag.METADATA, bytes, start, end, this.#limits);
    if (payloadStart !== end) throw new ProtocolError(`an END with ${end - payloadStart} bytes that mean nothing`);
    call.responseMetadata = metadata;
    // Only now: the reader of a stream whose END cannot be read must not take it for whole.
    call.stream?.received.end();
    call.succeed(undefined);
  }
}
