import { FrameType, HEADER_BYTES, PREFACE } from '../frames/frame.js';
import { readHello } from '../frames/hello.js';
import { ALPN_INSTANCE } from '../transport/tls.js';
import { offeredProtocols } from './client-hello.js';

/** A longer greeting is for whoever has to refuse it. */
const GREETING_BYTES_MAX = 16 * 1024;

/**
 * Which instance a client means to reach, by the first bytes that it sent: its greeting, or over TLS what it offers in the clear.
 * @returns `''` for whichever is there, also of other protocols; `undefined` when more bytes are needed to tell
 */
export function addresseeOf(bytes: Buffer): string | undefined {
  const offered = offeredProtocols(bytes);
  if (offered === undefined) return undefined;
  const wanted = offered.find((name) => name.startsWith(ALPN_INSTANCE));
  return wanted === undefined ? greeted(bytes) : wanted.slice(ALPN_INSTANCE.length);
}

function greeted(bytes: Buffer): string | undefined {
  const begun = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, begun, 0, begun) !== 0) return '';
  const start = PREFACE.length + HEADER_BYTES;
  if (bytes.length < start) return undefined;
  const bodyBytes = bytes.readUInt32BE(PREFACE.length);
  if (bytes[PREFACE.length + 4] !== FrameType.HELLO || bodyBytes > GREETING_BYTES_MAX) return '';
  if (bytes.length < start + bodyBytes) return undefined;
  try {
    return readHello(bytes, start, start + bodyBytes).expect;
  } catch {
    return '';
  }
}
