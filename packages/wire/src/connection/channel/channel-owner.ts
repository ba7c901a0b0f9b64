import type { Clock, Limits } from '@org/rpc-core';
import type { Codec } from '../../codec/codec.js';
import type { Hello } from '../../frames/hello.js';
import type { ByteStream } from '../../transport/byte-stream.js';
import type { HeldMemory } from './held-memory.js';
import type { ResolvedKeepalive } from './keepalive.js';

/** What a channel needs from the connection that owns it. */
export interface ChannelOwner {
  /** A frame of a call or stream, or a message in pieces that is now whole. @throws ProtocolError to close the connection with its reason */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void;
  /**
   * A message in pieces has begun, with a body of `bodyBytes`; once joined, it comes to `frame` with `MORE` among its flags. Returns
   * whether it is wanted; an owner that refuses it has already answered.
   */
  announced(type: number, flags: number, id: number, bodyBytes: number): boolean;
  /** So many bytes more of it have come, and it is not whole. Returns as `announced` (default: it is wanted). */
  grew?(type: number, flags: number, id: number, bytes: number): boolean;
  /** A frame or message beyond `messageBytes`, whose body is skipped. */
  oversized(type: number, flags: number, id: number, bodyBytes: number): void;
  /** The peer's HELLO, once. */
  greeted(hello: Hello): void;
  /** The peer's GOAWAY. */
  goAway(code: number, reason: string, flags: number): void;
  /** A LOAD frame, if this side has said `load` in its HELLO. @throws ProtocolError when it is malformed */
  loadTold?(bytes: Buffer, start: number, end: number, readAt: number): void;
  /** Whether calls would or might be lost with the connection: a silent peer then gets more time. */
  isNeeded(): boolean;
  /** The peer will send no more. */
  ended(): void;
  /** Everything queued has been written. */
  drained(): void;
  /** The channel is over. `reason` says why, in words for people. `byUs`: this side ended it, otherwise it was lost. */
  closed(reason: string, byUs?: boolean): void;
  /** Server side only: the first bytes are not of the native protocol. */
  foreign?(bytes: Buffer): void;
}

/** What a frame channel is made from. */
export interface ChannelOptions {
  readonly stream: ByteStream;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly clock: Clock;
  /** When a silent peer gets a PING, and when it is given up; the defaults when left out. */
  readonly keepalive?: ResolvedKeepalive | undefined;
  /** What all connections of a server hold together. */
  readonly memory?: HeldMemory | undefined;
  readonly owner: ChannelOwner;
  /** Whether the peer speaks first, with the preface. */
  readonly expectPreface: boolean;
}
