import type { TLSSocket } from 'node:tls';

/**
 * Who the other end is by its certificate, which must have been verified: its URI (SPIFFE), else its first DNS name, else its
 * common name. `undefined` when it says none of these, or has several URIs (SPIFFE X509-SVID, section 2: exactly one).
 */
export function identityOf(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerCertificate();
  // An empty object stands for none.
  if (certificate?.subject === undefined) return undefined;
  const names = splitNames(certificate.subjectaltname ?? '');
  const uris = valuesOf(names, 'URI:');
  if (uris.length > 0) return uris.length === 1 ? uris[0] : undefined;
  const [dns] = valuesOf(names, 'DNS:');
  const name: unknown = dns ?? certificate.subject.CN;
  // A name that is written like a URI must not pass for one.
  return typeof name === 'string' && name !== '' && !name.includes(':') ? name : undefined;
}

function valuesOf(names: readonly string[], kind: string): string[] {
  return names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
}

/** Node.js writes `DNS:a, URI:b`, a value that holds anything unusual as JSON: else a name could pretend to be several. */
export function splitNames(text: string): string[] {
  const names: string[] = [];
  let rest = text;
  while (rest !== '') {
    const [whole, kind = '', quoted, plain] = NAME.exec(rest) ?? [rest];
    const value = quoted === undefined ? plain : parsed(quoted);
    if (value !== undefined) names.push(kind + value);
    rest = rest.slice(whole.length);
  }
  return names;
}

const NAME = /^([A-Za-z ]+:)(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)/;

function parsed(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}
