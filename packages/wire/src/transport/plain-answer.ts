/** What begins each of the protocols that are sent to a wrong port most often. */
const HTTP = /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) /;

/**
 * What to answer to bytes of another protocol: a short text that says what was expected and what came. An HTTP client gets
 * it as an HTTP response, so that `curl` shows it.
 * @param expected - who answers and what it expects
 */
export function plainAnswer(bytes: Buffer, expected: string): { answer: Buffer; reason: string } {
  const came = describe(bytes);
  const reason = `${expected}; ${came} came instead`;
  if (!came.startsWith('an HTTP')) return { answer: Buffer.from(`${reason}\n`), reason };
  const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(reason) + 1}\r\nConnection: close\r\n\r\n`;
  return { answer: Buffer.from(`${head}${reason}\n`), reason };
}

/** What to answer to bytes that are not of the native protocol: what was expected, and what came. */
export function foreignAnswer(bytes: Buffer): { answer: Buffer; reason: string } {
  return plainAnswer(
    bytes,
    'this is a port of @org/rpc, which expects its own protocol (first byte 0xc1) or MessagePack-RPC',
  );
}

function describe(bytes: Buffer): string {
  const first = bytes[0] ?? 0;
  const start = bytes.toString('latin1', 0, 8);
  if (HTTP.test(start)) return 'an HTTP request';
  if (first === 0x16) return 'a TLS handshake';
  if (start.startsWith('SSH-')) return 'an SSH greeting';
  if (first === 0x93 || first === 0x94 || first === 0xdc || first === 0xdd) return 'a MessagePack-RPC message';
  return `0x${first.toString(16).padStart(2, '0')}`;
}
