import type { PeerCertificate, TLSSocket } from 'node:tls';

/**
 * Who the other end is by its certificate, which must have been verified: its URI (SPIFFE), else its first DNS name, else its
 * common name. `undefined` when it says none of these, or has several URIs (SPIFFE X509-SVID, section 2: exactly one).
 */
export function identityOf(socket: TLSSocket): string | undefined {
  return identityIn(socket.getPeerCertificate());
}

function identityIn(certificate: Partial<PeerCertificate> | undefined): string | undefined {
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

/**
 * Whether a verified certificate is that of whom a client expects: one of its names fits the pattern. A URI has to be the only
 * one, as for {@link identityOf}. The common name counts for nothing here, since authorities do not check it.
 * @param pattern - a URI or a DNS name, in which `*` stands for one whole part between `/` or `.`
 */
export function isExpected(certificate: Partial<PeerCertificate>, pattern: string): boolean {
  const names = splitNames(certificate.subjectaltname ?? '');
  if (!pattern.includes('://')) return valuesOf(names, 'DNS:').some((name) => fits(name.toLowerCase(), pattern, '.'));
  const uris = valuesOf(names, 'URI:');
  return uris.length === 1 && fits(uris[0]!, pattern, '/');
}

function fits(name: string, pattern: string, separator: string): boolean {
  const parts = name.split(separator);
  const wanted = (separator === '.' ? pattern.toLowerCase() : pattern).split(separator);
  // An empty part would let `spiffe:///orders` pass for `spiffe://*/orders`.
  return (
    parts.length === wanted.length && wanted.every((part, i) => (part === '*' ? parts[i] !== '' : part === parts[i]))
  );
}

/** Whether it is the pattern of an identity: a URI or a DNS name, `*` only as a whole part. */
export function isIdentityPattern(pattern: unknown): pattern is string {
  if (typeof pattern !== 'string') return false;
  const uri = /^[a-z][a-z0-9+.-]*:\/\/(.+)$/.exec(pattern);
  const parts = uri === null ? pattern.split('.') : uri[1]!.split('/');
  const part = uri === null ? /^(\*|[\w-]+)$/ : /^(\*|[^*\s]+)$/;
  // A pattern of stars alone would believe everybody whom the authority knows.
  return parts.every((text) => part.test(text)) && parts.some((text) => text !== '*');
}
