/** What a native client sends first: a byte that begins no MessagePack value, `RPC`, and the protocol's major version. */
export const PREFACE: Buffer = Buffer.from([0xc1, 0x52, 0x50, 0x43, 0x01]);

/**
 * Every frame begins with ten bytes, big-endian: length of the body (u32), type (u8), flags (u8), id (u32).
 * Id 0 is the connection itself, or a call that wants no answer.
 */
export const HEADER_BYTES = 10;

/** The highest id of a call that a client opens: the top bit is kept for calls that a server opens. */
export const CLIENT_ID_MAX = 0x7fff_ffff;

/** What a frame is. Types that a peer does not know are skipped by their length, within a bound. */
export const FrameType = {
  HELLO: 1,
  REQUEST: 2,
  RESPONSE: 3,
  ERROR: 4,
  CANCEL: 5,
  PING: 6,
  PONG: 7,
  GOAWAY: 8,
  /** One item of a stream, in either direction. */
  ITEM: 9,
  /** No more items come from the sender; a server's END ends the call. */
  END: 10,
  /** Grants more bytes of items. */
  CREDIT: 11,
  /** The next piece of the message that began under its id. */
  CONTINUATION: 12,
  /** From a client: how busy are you? From a server: so busy. Only between peers that have both said `load` in HELLO. */
  LOAD: 13,
  /** A client asks where a call stands that it has sent. */
  ASK: 14,
  /** A server says where a call stands. */
  STANDING: 15,
  /** Grants more bytes of pieces. Only between peers that have both said `pieceCredit` in HELLO. */
  PIECE_CREDIT: 16,
} as const;

/** Flags of a REQUEST. Bits that a peer does not know are ignored. */
export const RequestFlag = {
  /** No answer is wanted; the id is 0. */
  ONE_WAY: 0x01,
  /** Repeating it does no harm. */
  IDEMPOTENT: 0x02,
  /** Its server must not retry the calls that it makes for it: a caller further up already does. */
  NO_RETRY_BELOW: 0x04,
  /** It opens a stream: the answer is any number of ITEMs and an END, or an ERROR. */
  STREAM: 0x40,
  /** Its caller wants to know how long its server had it: a STANDING precedes the answer. */
  TIMES: 0x80,
  // 0x08 is MORE, 0x10 COMPRESSED. Kept: 0x20 names are numbers.
} as const;

/** Flags of a RESPONSE or an ERROR. */
export const ReplyFlag = {
  /** A metadata section precedes the payload. */
  METADATA: 0x01,
  /** Four bytes of server load precede everything else: calls in flight (u16), queueing delay in 0.1 ms (u16). */
  LOAD: 0x02,
  /** Of an ERROR: another attempt would end in the same way, at any server. */
  FINAL: 0x04,
  // 0x08 is MORE, 0x10 COMPRESSED.
} as const;

/** Flag of a REQUEST, RESPONSE, ERROR, ITEM or CONTINUATION: more pieces of this message follow. */
export const MORE = 0x08;

/** How long a piece of a message is with its header, but the last one. */
export const PIECE_BYTES: number = 64 * 1024;

/** A message whose body is longer than this is sent in pieces, so that it delays nothing else: what is 64 KiB by itself is not. */
export const WHOLE_BYTES_MAX: number = PIECE_BYTES + 1024;

/** The least bytes of each piece but the last: smaller ones only cost time. */
export const PIECE_BYTES_MIN = 1024;

/** Why a call was cancelled: the body of a CANCEL. */
export const CancelReason = { CALLER: 1, HEDGE_LOST: 2, SHUTDOWN: 3 } as const;

/** Why a connection ends: the first byte of a GOAWAY, followed by a sentence for people. */
export const GoAwayCode = {
  /** The sender is shutting down; what is in flight will be answered. */
  DRAINING: 0,
  /** The receiver broke the protocol. */
  PROTOCOL_ERROR: 1,
  /** A bound of `Limits` was passed. */
  LIMIT: 2,
  /** The connection reached another instance than the one that was meant. */
  WRONG_INSTANCE: 3,
  /** A time limit of the connection itself has passed: greeting, keepalive, stalled frame or writer. */
  TIMEOUT: 4,
  /** The connection was not accepted, for example by TLS: none of its calls was looked at. */
  NOT_ACCEPTED: 5,
} as const;
export type GoAwayCode = (typeof GoAwayCode)[keyof typeof GoAwayCode];

/** Flags of GOAWAY. */
export const GoAwayFlag = {
  /** With DRAINING: only this connection ends, its instance stays. Another connection to it is wanted in its place. */
  REPLACE: 0x01,
  /** With NOT_ACCEPTED: who the client says it is was not believed. */
  UNAUTHENTICATED: 0x02,
} as const;

/** Fixed part of a REQUEST's body: remaining ms (u32, 0 none), attempt (u8), priority (u8), metadata bytes (u16). */
export const REQUEST_FIXED_BYTES = 8;

/** Fixed part of an ERROR's body: code (u8), whether a handler ran (u8), retry after ms (u32), reason bytes (u16). */
export const ERROR_FIXED_BYTES = 8;

/** Longest reason of a GOAWAY: less than the smallest `messageBytes`, so that every peer takes it. */
export const GO_AWAY_REASON_BYTES_MAX = 900;

/** In the retry-after field: the server did not say. */
export const NO_RETRY_AFTER = 0xffff_ffff;

/** Bytes that arrived and break the protocol. Closes the connection, with this reason. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: GoAwayCode;
  constructor(message: string, code: GoAwayCode = GoAwayCode.PROTOCOL_ERROR) {
    super(message);
    this.code = code;
  }
}
