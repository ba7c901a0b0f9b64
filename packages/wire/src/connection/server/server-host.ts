import type { Clock, Limits, Peer, RpcError } from '@org/rpc-core';
import type { Codec } from '../../codec/codec.js';
import type { ServerSecret } from '../../frames/proof.js';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import type { HeldMemory } from '../channel/held-memory.js';
import type { ResolvedKeepalive } from '../channel/keepalive.js';
import type { ResolvedCompression } from '../compression/compression-options.js';
import type { Newcomer } from './entrance.js';
import type { IncomingCall, MethodEntry } from './incoming-call.js';

/** What a connection says of its server. */
export interface ServerSelf {
  /** The instance id that HELLO names. */
  readonly instance: string;
  /** How long it has been running, in milliseconds. */
  readonly uptimeMs: number;
  /** Aborts when it begins to drain. */
  readonly draining: AbortSignal;
  /** Whether the first argument of MessagePack-RPC calls is a map of texts: their metadata. */
  readonly metadataFirst: boolean;
}

/** What a connection asks of its server: twice for each call, or once where it knows the method. */
export interface ServerHost<Entry extends MethodEntry = MethodEntry> {
  readonly self: ServerSelf;
  /**
   * The method with this name, or the error to answer. `name` is service and method together, split at `serviceLength`; without
   * that it is a path such as `users.get`, or a bare method name, which means a method of the default service or of the only one.
   */
  find(name: string, serviceLength?: number): Entry | RpcError;
  /**
   * Takes a call to its answer. Its arguments are in `bytes[start, end)`, which are borrowed until this returns. Must not throw.
   */
  serve(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void;
  /**
   * Finds out who is at the other end, before anything but the greeting is read. Left out, everybody may come in.
   * @returns the peer with its identity; rejects with what the peer may see of the refusal: an `RpcError`, of which `UNAUTHENTICATED`
   * says that it was not believed, and any other code that nobody can say now
   */
  readonly authenticate?: ((newcomer: Newcomer) => Promise<Peer>) | undefined;
  /** The peer of a connection is known now. */
  authenticated?(connection: ServedConnection): void;
  /** Takes the contracts of a client and returns those of the same services; `undefined` sends none. */
  contracts?(theirs: string, peer: Peer): string | undefined;
  /**
   * How long what was read at this time may have waited to be read, in milliseconds: that is gone of its time, for the peer counts from
   * when it was sent. Left out: nothing waits.
   */
  stallBefore?(readAt: number): number;
  /**
   * How busy the server is, by `packLoad`, for clients that want to know. Left out: it does not say.
   * @param ending - calls that are being answered and count no more: 0 or 1
   */
  readonly load?: ((ending: number) => number) | undefined;
  /**
   * A one-way call was refused before it came to `serve`. Its caller hears nothing of it: it has done nothing wrong, and there is no answer.
   * @param entry - its method, where that is known
   */
  dropped?(error: RpcError, peer: Peer, entry?: Entry): void;
  /** The connection is over. */
  closed(connection: ServedConnection, reason: string): void;
}

/** A connection as its server sees it. */
export interface ServedConnection {
  readonly peer: Peer;
  /** Asks the client to send no new calls. What still arrives is served until `refuseNew`. */
  drain(reason: string): void;
  /** Asks the client to make another connection in place of this one. What still comes is served. */
  retire(reason: string): void;
  /**
   * From now on new calls are refused, never started, so that their clients go elsewhere at once. Calls that nobody can send
   * again, one-way calls and those that have taken items of their caller, are still served: they crossed the goodbye on their
   * way.
   */
  refuseNew(reason: string): void;
  /**
   * Ends the connection: handlers that still run see their signal abort, their callers are answered with `UNAVAILABLE`, and a client
   * that does not read these last words is dropped after a second.
   */
  close(reason: string): void;
  /** Looks after greeting, keepalive and stalls; called about once a second. */
  tick(now: number): void;
}

/** What a server's connection is made of. */
export interface ServerConnectionOptions<Entry extends MethodEntry> {
  readonly stream: ByteStream;
  readonly codec: Codec;
  readonly limits: Limits;
  /** What all connections of the server hold together. Left out: each has its own bounds only. */
  readonly memory?: HeldMemory | undefined;
  readonly clock: Clock;
  readonly host: ServerHost<Entry>;
  /** The secret of the server's entry in the registry; `undefined` when it has none. */
  readonly secret?: ServerSecret | undefined;
  /** Takes over a connection whose peer turns out to speak MessagePack-RPC. */
  readonly messagePackRpc: (options: SuccessorOptions<Entry>) => Successor<Entry>;
  /** Which payloads are compressed for peers that can inflate them; `undefined`: none. */
  readonly compression?: ResolvedCompression | undefined;
  /** When a silent client is asked, and given up; the defaults when left out. */
  readonly keepalive?: ResolvedKeepalive | undefined;
}

/** What a protocol that takes over a connection is made of. */
export interface SuccessorOptions<Entry extends MethodEntry> {
  readonly stream: ByteStream;
  readonly limits: Limits;
  /** As of the connection. */
  readonly memory?: HeldMemory | undefined;
  readonly clock: Clock;
  readonly host: ServerHost<Entry>;
  /** When the connection was accepted, in the clock's milliseconds. */
  readonly openedAt: number;
  /** Who is at the other end. */
  readonly peer: Peer;
  /** Why nothing is served: every call is refused with it. */
  readonly denied?: RpcError | undefined;
  readonly keepalive?: ResolvedKeepalive | undefined;
  /** Told once, when it is over. */
  readonly closed: (reason: string) => void;
}

/** A protocol that has taken over a connection. */
export interface Successor<Entry extends MethodEntry = MethodEntry> {
  /** Receives the bytes of the stream. */
  readonly receiver: ByteReceiver;
  /** How many handlers run on behalf of the connection. */
  readonly running: number;
  /** These calls, those included whose caller has gone. */
  readonly calls: Iterable<IncomingCall<Entry>>;
  /** See {@link ServedConnection.retire}. */
  retire(reason: string): void;
  /** See {@link ServedConnection.refuseNew}. */
  refuseNew(reason: string): void;
  /** See {@link ServedConnection.close}. */
  close(reason: string): void;
  /** See {@link ServedConnection.tick}. */
  tick(now: number): void;
}
