import { createHmac, timingSafeEqual } from 'node:crypto';

/** What the two sides of a connection show each other in HELLO, where the registry's entry of the server has a secret. */
export interface Proofs {
  readonly client: string;
  readonly server: string;
}

/** What a server knows of the secret in its entry. */
export interface ServerSecret {
  readonly text: string;
  /** Whether clients that do not show that they know it are sent away; they learn nothing of it in any case. */
  readonly isDemanded: boolean;
}

/**
 * The proofs of one instance: HMAC-SHA256 (RFC 2104), keyed by the secret, of who shows it and to which instance, in base64url. The secret
 * itself is never sent, and what one side shows is of no use as the other: whoever has taken the port of a server that is gone gets
 * the proof of its client, and cannot answer it.
 */
export function proofsOf(secret: string, instance: string): Proofs {
  const proof = (side: string): string =>
    createHmac('sha256', secret).update(`rpc ${side} ${instance}`).digest('base64url');
  return { client: proof('client'), server: proof('server') };
}

/** Whether a proof is the one that was expected, in a time that does not depend on where they differ. */
export function isProof(given: string | undefined, expected: string): boolean {
  const bytes = Buffer.from(given ?? '');
  const wanted = Buffer.from(expected);
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}
