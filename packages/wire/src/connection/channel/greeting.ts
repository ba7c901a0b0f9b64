import type { Limits } from '@org/rpc-core';
import type { Codec } from '../../codec/codec.js';
import { FrameType, HEADER_BYTES, PREFACE, ProtocolError } from '../../frames/frame.js';
import { type FrameTarget, putHeader } from '../../frames/frame-writer.js';
import { type Hello, PROTOCOL_VERSION, readHello, writeHello } from '../../frames/hello.js';

/** What the two sides say differently in their HELLO; the rest follows from codec and limits. */
export type OwnWords = Pick<Hello, 'instance' | 'expect' | 'uptimeMs'>;

/** Appends the preface, if a client does, and HELLO. */
export function writeGreeting(
  target: FrameTarget,
  codec: Codec,
  limits: Limits,
  words: OwnWords,
  withPreface: boolean,
): void {
  if (withPreface) target.position = target.reserve(PREFACE.length) + PREFACE.copy(target.chunk.bytes, target.position);
  const start = target.reserve(HEADER_BYTES);
  target.position = start + HEADER_BYTES;
  writeHello(target, {
    ...words,
    version: PROTOCOL_VERSION,
    codec: codec.name,
    messageBytes: limits.messageBytes,
    callsInFlight: limits.callsInFlight,
    streamCredit: limits.streamCreditBytes,
    connectionCredit: limits.connectionCreditBytes,
  });
  putHeader(target, start, FrameType.HELLO, 0, 0);
}

/** Reads the peer's HELLO. @throws ProtocolError when it is none, or its codec is another */
export function readGreeting(codec: Codec, bytes: Buffer, start: number, end: number): Hello {
  const hello = readHello(bytes, start, end);
  if (hello.codec === codec.name) return hello;
  throw new ProtocolError(`the peer uses codec "${hello.codec}", this side "${codec.name}"`);
}
