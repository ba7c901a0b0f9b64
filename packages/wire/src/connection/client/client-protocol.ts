import type { Call, Clock, Limits } from '@org/rpc-core';
import type { TimerQueue } from '@org/rpc-core/internal';
import type { Codec } from '../../codec/codec.js';
import type { Hello } from '../../frames/hello.js';
import type { ServerLoad } from '../../frames/load.js';
import type { ByteStream } from '../../transport/byte-stream.js';
import type { CallQueue } from '../calls/call-queue.js';
import type { ResolvedKeepalive } from '../channel/keepalive.js';
import type { ResolvedCompression } from '../compression/compression-options.js';

/** A client's connection, whatever protocol it speaks. */
export interface CallConnection {
  /** Whether it takes calls. */
  readonly isOpen: boolean;
  /** Whether one more call would be refused, or have to wait. */
  readonly isFull: boolean;
  /** Whether the server is known to live: it has said something. */
  readonly isGreeted: boolean;
  /** Whether it was asked for a sign of life and is silent: new calls should go elsewhere. */
  readonly isSuspect: boolean;
  /** When something last came from the server, in the clock's milliseconds; `Infinity` where silence means nothing. */
  readonly heardAt: number;
  readonly inFlight: number;
  /** How busy the server has said that it is; `undefined` where nobody wants to know, or the protocol cannot say it. */
  readonly load?: ServerLoad | undefined;
  /**
   * Asks the server how busy it is. `onAnswer` is called once {@link load} is new.
   * @returns whether an answer can be expected
   */
  askLoad?(onAnswer: () => void): boolean;
  /** Sends a call. The promise settles by its `attemptDeadline`, whatever the server does. */
  send(call: Call): Promise<unknown>;
  /** Checks what is overdue; called about once a second. */
  tick(now: number): void;
  /** Takes no more calls; closes when those in flight are answered. */
  drain(): void;
  /** Closes at once; calls in flight fail. */
  close(reason: string): void;
}

/** What a client speaks with servers, made by a function such as `messagePackRpc()`. */
export interface ClientProtocol {
  readonly name: string;
  /** @internal How many connections a server is given, which take from one queue; left out: one. */
  readonly connections?: { readonly count: number; createQueue(): CallQueue } | undefined;
  /** @internal Speaks it over a stream that was just opened. */
  open(options: ClientConnectionOptions): CallConnection;
}

/** Is told of the events of a client's connection. */
export interface ClientConnectionObserver {
  /** The server's HELLO arrived: it is alive and is the one that was meant. */
  greeted(hello: Hello): void;
  /** The server takes no new calls here; those in flight will be answered. */
  draining(reason: string): void;
  /**
   * The server wants another connection in place of this one, which still takes calls until it is drained from here. Left out,
   * `draining` is called instead.
   */
  aged?(reason: string): void;
  /** It is over. Every call in flight has been failed. `isDenied`: the server has not believed who this client is. */
  closed(reason: string, isDenied?: boolean): void;
}

/** What a client's connection is made of. */
export interface ClientConnectionOptions {
  readonly stream: ByteStream;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Expires the calls; shared by the connections of a client. */
  readonly timers: TimerQueue;
  readonly observer: ClientConnectionObserver;
  /** What the client calls itself, for people who look at a server; left out: nothing. */
  readonly name?: string | undefined;
  /** The instance that should be at the other end, `''` for whoever is there. */
  readonly expectInstance: string;
  /**
   * The secret of the server's entry in the registry: this side proves that it knows it, and sends no call before the server has
   * proved the same. Left out, nothing is proved.
   */
  readonly secret?: string | undefined;
  /**
   * Shows the server who this client is; a secret. No call is sent before the server has taken it. Left out, nothing is shown but the
   * certificate of TLS.
   */
  readonly token?: string | undefined;
  /** Whether the server is to say how busy it is, with each answer and when asked; left out: not. */
  readonly wantsLoad?: boolean | undefined;
  /** The client's contracts, for servers that compare them; `undefined` sends none. */
  readonly contracts?: string | undefined;
  /** Which payloads are compressed for servers that can inflate them; `undefined`: none. */
  readonly compression?: ResolvedCompression | undefined;
  /** When a silent server is asked, and given up; the defaults when left out. */
  readonly keepalive?: ResolvedKeepalive | undefined;
  /** Where calls wait that cannot be sent yet, shared by connections to the same server; left out: a queue of its own. */
  readonly queue?: CallQueue | undefined;
}
