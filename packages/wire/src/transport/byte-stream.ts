import type { X509Certificate } from 'node:crypto';
import type { Peer } from '@org/rpc-core';

/**
 * A stream of bytes in both directions: a TCP, TLS or unix socket, or a pair in memory. It knows no frames. It is paused at
 * first, and belongs to the caller of `start`.
 */
export interface ByteStream {
  readonly peer: Peer;
  /** The certificate of the other end; `undefined` when it has shown none. */
  readonly certificate?: X509Certificate | undefined;
  /**
   * Sets the receiver; bytes flow from then on, never synchronously within this call. The receiver may set another one, which
   * gets everything after the current bytes.
   */
  start(receiver: ByteReceiver): void;
  /**
   * Sends bytes, or queues them. The caller may reuse the memory when this returns `true`. If it returns `false`, a socket still
   * reads from it: the stream passes `memory` to `release` when it no longer does, or keeps it for ever.
   */
  write<T>(bytes: Buffer, memory?: T, release?: (memory: T) => void): boolean;
  /** Sends bytes that lie in several places, as one `write` does. Left out, `write` is called for each. */
  writeAll?<T>(parts: readonly Buffer[], memory?: T, release?: (memory: T) => void): boolean;
  /**
   * Runs `run` when nothing reads any more from what was written up to now: at once when that is so already, and at the latest when the stream
   * is over. Left out where that is not known, or not worth knowing: what may change is copied then.
   */
  whenTaken?(run: () => void): void;
  /** Bytes that the other end has not taken yet. At 0, nothing reads from what was written before. */
  readonly queuedBytes: number;
  /** Stops reading, so that the other end is held back. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then tells the other end that no more will come. Reading goes on. */
  end(): void;
  /**
   * Lets the operating system probe the other end whenever nothing has come for `afterMs`, for protocols that cannot ask
   * themselves. Without an answer the stream is over. Left out where the other end cannot vanish.
   * @param afterMs - in milliseconds; systems count whole seconds
   */
  probe?(afterMs: number): void;
  /**
   * Finds out whether the stream is over, of which a system whose peer has ended its side tells only those who write. Writes nothing.
   */
  poke?(): void;
  /** Drops the stream at once, in both directions. */
  destroy(): void;
}

/** Receives the bytes and events of a {@link ByteStream}. */
export interface ByteReceiver {
  /** Bytes in order, cut anywhere; borrowed until this returns. */
  data(bytes: Buffer): void;
  /** What was queued has been taken. */
  drained(): void;
  /** The other end will send no more. */
  ended(): void;
  /** It is over; called once and last. `error` says why, in words for people, when it was not asked for. */
  closed(error: Error | undefined): void;
}

/** Something that accepts streams. */
export interface Listener {
  /** Where it listens, with the port that was really taken. */
  readonly address: { readonly host: string; readonly port: number; readonly path?: string | undefined };
  /** Stops accepting; streams that were accepted live on. */
  close(): Promise<void>;
  /** Resolves when it accepts no more, and every stream that it has accepted is over. */
  readonly gone: Promise<void>;
}

/** A server of the same process, as its clients there see it: what `createServer` makes. */
export interface InProcessServer {
  /** Its id. */
  readonly instance: string;
  /**
   * @internal Serves a stream that was opened by other means than its socket.
   * @param isOwn - it begins in this process, so nobody else can have sent it
   */
  accept(stream: ByteStream, isOwn?: boolean): void;
}

/** Opens a stream to an endpoint. @throws Error in words for people, with the system's code as `code` */
export type Dial = (target: DialTarget) => Promise<ByteStream>;

/** Whom to dial, and how long to try. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string | undefined;
  readonly timeoutMs: number;
  /** Over TLS, the identity that the server must prove, in place of the name of the host. */
  readonly identity?: string | undefined;
  /** The instance that is meant, where several share the address. */
  readonly instance?: string | undefined;
}
