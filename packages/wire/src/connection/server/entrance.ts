import type { X509Certificate } from 'node:crypto';
import type { Clock, Limits, Peer, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { ByteStream } from '../../transport/byte-stream.js';

/** What a server is told of a peer that wants to come in. */
export interface Newcomer {
  /** Who it is as far as the transport can say. */
  readonly peer: Peer;
  /** What it shows of itself in HELLO; `undefined` when nothing, as with MessagePack-RPC. A secret. */
  readonly token: string | undefined;
  /** Its certificate, which is verified; `undefined` when it has none. */
  readonly certificate: X509Certificate | undefined;
  /** Aborts when the connection is over, or the time for an answer is. */
  readonly signal: AbortSignal;
}

/** What an entrance needs of its connection. */
export interface EntranceOptions {
  readonly host: { readonly authenticate?: ((newcomer: Newcomer) => Promise<Peer>) | undefined };
  readonly stream: ByteStream;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Reads nothing, and reads on: nothing that a peer sends is looked at before it is known who it is. */
  readonly channel: { readonly peer: Peer; hold(): void; readOn(): void };
}

/** The share of the client's own patience, `handshakeMs`, so that it hears the refusal. */
const TIME_SHARE = 0.8;

/**
 * Holds a connection until its server knows who is at the other end. Where no server asks, everybody comes in at once.
 */
export class Entrance {
  readonly #options: EntranceOptions;
  #controller: AbortController | undefined;
  #peer: Peer | undefined;

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  /** Who is at the other end, as far as that is known. */
  get peer(): Peer {
    return this.#peer ?? this.#options.channel.peer;
  }

  /** Whether somebody waits to be let in. */
  get isBusy(): boolean {
    return this.#controller !== undefined;
  }

  /**
   * Asks the server who somebody is.
   * @param come - run when that is known; nothing was read meanwhile
   * @param turnAway - run with the refusal, which the peer may see; what it has sent will be read on
   */
  ask(token: string | undefined, come: () => void, turnAway: (refusal: RpcError) => void): void {
    const { host, stream, limits, clock, channel } = this.#options;
    if (host.authenticate === undefined) return come();
    const controller = new AbortController();
    this.#controller = controller;
    channel.hold();
    const limitMs = TIME_SHARE * limits.handshakeMs;
    const leave = (then: () => void): void => {
      if (this.#controller !== controller) return;
      this.#controller = undefined;
      cancelTimer();
      then();
      channel.readOn();
    };
    const cancelTimer = clock.schedule(
      limitMs,
      () => {
        const reason = `the server could not find out within ${limitMs} ms who is calling (limits.handshakeMs)`;
        leave(() => turnAway(rpcError('UNAVAILABLE', reason, { progress: 'refused' })));
        controller.abort(new Error(reason));
      },
      true,
    );
    host.authenticate({ peer: channel.peer, token, certificate: stream.certificate, signal: controller.signal }).then(
      (peer) =>
        leave(() => {
          this.#peer = peer;
          come();
        }),
      (refusal: RpcError) => leave(() => turnAway(refusal)),
    );
  }

  /** The connection is over: nobody waits any more. */
  close(reason: string): void {
    const controller = this.#controller;
    this.#controller = undefined;
    controller?.abort(new Error(reason));
  }
}
