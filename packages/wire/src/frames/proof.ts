import { createHmac, timingSafeEqual } from 'node:crypto';

/** The proofs that the two sides of a connection exchange in HELLO, when the server's entry in the registry has a secret. */
export interface Proofs {
  readonly client: string;
  readonly server: string;
}

/** What a server knows of the secret in its entry. */
export interface ServerSecret {
  readonly text: string;
  /** Whether clients that do not prove that they know it are refused. */
  readonly isDemanded: boolean;
}

/**
 * The proofs of one instance: HMAC-SHA256 (RFC 2104), keyed by the secret, of who shows it and to which instance, in base64url.
 * The secret itself is never sent, and the proof of one side cannot be used as that of the other: a process that has taken the
 * port of a server that is gone receives the proof of the client and cannot answer it.
 */
export function proofsOf(secret: string, instance: string): Proofs {
  const proof = (side: string): string =>
    createHmac('sha256', secret).update(`rpc ${side} ${instance}`).digest('base64url');
  return { client: proof('client'), server: proof('server') };
}

/** Whether a proof is the expected one. The comparison takes the same time wherever they differ. */
export function isProof(given: string | undefined, expected: string): boolean {
  const bytes = Buffer.from(given ?? '');
  const wanted = Buffer.from(expected);
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}
