const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 1;
const ALPN_EXTENSION = 16;
const RECORD_HEADER_BYTES = 5;
/** Version and random bytes, before the session id. */
const FIXED_BYTES = 34;

/**
 * The protocols that a client of TLS offers (ALPN, RFC 7301), by its first bytes: they are in the clear. Only looks; what is wrong with
 * them is for the handshake to say.
 * @returns none where it offers none or they cannot be read; `undefined` when more bytes are needed to tell
 */
export function offeredProtocols(bytes: Buffer): readonly string[] | undefined {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return [];
  if (bytes.length < RECORD_HEADER_BYTES) return undefined;
  const end = RECORD_HEADER_BYTES + bytes.readUInt16BE(3);
  if (bytes.length < end) return undefined;
  try {
    return protocolsIn(bytes.subarray(RECORD_HEADER_BYTES, end));
  } catch {
    // A length that leads beyond the end: a greeting in several records, which no client of ours sends, or none at all.
    return [];
  }
}

function protocolsIn(message: Buffer): readonly string[] {
  if (message[0] !== CLIENT_HELLO) return [];
  let at = 4 + FIXED_BYTES;
  at += 1 + message.readUInt8(at);
  at += 2 + message.readUInt16BE(at);
  at += 1 + message.readUInt8(at);
  const end = at + 2 + message.readUInt16BE(at);
  for (at += 2; at < end; ) {
    const type = message.readUInt16BE(at);
    const bodyBytes = message.readUInt16BE(at + 2);
    at += 4;
    if (type === ALPN_EXTENSION) return names(message.subarray(at + 2, at + bodyBytes));
    at += bodyBytes;
  }
  return [];
}

function names(list: Buffer): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < list.length; at += 1 + list[at]!)
    found.push(list.toString('latin1', at + 1, at + 1 + list[at]!));
  return found;
}
