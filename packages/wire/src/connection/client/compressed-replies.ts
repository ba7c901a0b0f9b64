import type { Code, Limits } from '@org/rpc-core';
import { isRpcError } from '@org/rpc-core';
import { COMPRESSED, readInflatedLength } from '../../frames/compressed.js';
import { FrameType, GoAwayCode } from '../../frames/frame.js';
import { parseReplyHead } from '../../frames/frame-parser.js';
import type { InFlight } from '../calls/in-flight.js';
import type { ChannelOwner } from '../channel/channel-owner.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import { InflateError, inflate } from '../compression/inflate.js';

/** What the compressed replies of a connection need of it. */
export interface ReplyOwner extends Pick<ChannelOwner, 'frame'> {
  /** The reply of a call cannot be read, and only this call fails. */
  failReply(id: number, code: Code, reason: string): void;
}

/**
 * Inflates the compressed replies of one connection and passes them back to it as if they had come uncompressed. Meanwhile their
 * calls stay in flight.
 */
export class CompressedReplies {
  readonly #owner: ReplyOwner;
  readonly #channel: FrameChannel;
  readonly #inFlight: InFlight;
  readonly #limits: Limits;
  readonly #ids = new Set<number>();
  #bytes = 0;
  #onIdle: (() => void) | undefined;

  constructor(owner: ReplyOwner, channel: FrameChannel, inFlight: InFlight, limits: Limits) {
    this.#owner = owner;
    this.#channel = channel;
    this.#inFlight = inFlight;
    this.#limits = limits;
  }

  /** Runs when none is being inflated, now or later. */
  whenIdle(run: () => void): void {
    if (this.#ids.size === 0) run();
    else this.#onIdle = run;
  }

  /**
   * Takes the RESPONSE whose body is `bytes[start, end)`.
   * @returns whether anybody awaits it
   * @throws ProtocolError when it is cut short, or malformed
   */
  read(flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): boolean {
    // A server that answers one call a thousand times must not cause as many inflations.
    if (this.#ids.has(id) || !this.#inFlight.has(id)) return false;
    const payloadStart = this.#findPayload(flags, id, bytes, start, end);
    if (payloadStart < 0) return true;
    const payloadBytes = readInflatedLength(bytes, payloadStart, end);
    const { messageBytes, inFlightRequestBytes } = this.#limits;
    if (payloadBytes > messageBytes) {
      const reason = `the reply inflates to ${payloadBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
      this.#owner.failReply(id, 'RESOURCE_EXHAUSTED', reason);
      return true;
    }
    const cost = Math.max(payloadBytes, end - payloadStart);
    try {
      // Payloads that wait for zlib's threads hold memory: beyond the bound they are inflated at once.
      const payload = inflate(bytes, payloadStart, end, this.#bytes + cost <= inFlightRequestBytes);
      const head = bytes.subarray(start, payloadStart);
      if (Buffer.isBuffer(payload)) this.#give(flags, id, head, payload, readAt);
      else {
        const kept = Buffer.from(head);
        this.#later(
          id,
          cost,
          payload.then((inflated) => this.#give(flags, id, kept, inflated, readAt)),
        );
      }
    } catch (error) {
      if (!(error instanceof InflateError)) throw error;
      this.#fail(id, error);
    }
    return true;
  }

  /** Where the payload begins; -1 when the call has failed, since its metadata is beyond the limits. */
  #findPayload(flags: number, id: number, bytes: Buffer, start: number, end: number): number {
    try {
      return parseReplyHead(flags, bytes, start, end, this.#limits).payloadStart;
    } catch (error) {
      if (!isRpcError(error)) throw error;
      this.#owner.failReply(id, error.code, error.reason);
      return -1;
    }
  }

  #later(id: number, cost: number, given: Promise<void>): void {
    this.#ids.add(id);
    this.#bytes += cost;
    given
      .catch((error: Error) => {
        if (error instanceof InflateError) this.#fail(id, error);
        else this.#channel.closeFor(GoAwayCode.PROTOCOL_ERROR, error.message);
      })
      .finally(() => {
        this.#bytes -= cost;
        this.#ids.delete(id);
        if (this.#ids.size === 0) this.#onIdle?.();
      });
  }

  #give(flags: number, id: number, head: Buffer, payload: Buffer, readAt: number): void {
    const body = head.length === 0 ? payload : Buffer.concat([head, payload]);
    // The time that inflating took is not counted as the server's.
    this.#owner.frame(FrameType.RESPONSE, flags & ~COMPRESSED, id, body, 0, body.length, readAt);
  }

  #fail(id: number, error: InflateError): void {
    this.#owner.failReply(id, 'INTERNAL', `the compressed reply cannot be read: ${error.message}`);
  }
}
