import type { X509Certificate } from 'node:crypto';
import { type Clock, isRpcError, type Peer, type RpcError } from '@org/rpc-core';
import { describeValue, isPromise, plainText, printLine, rpcError } from '@org/rpc-core/internal';
import type { ServerHost } from '@org/rpc-wire/internal';

type Newcomer = Parameters<NonNullable<ServerHost['authenticate']>>[0];

/** What {@link Authenticate} gets besides peer and token. */
export interface AuthenticationAttempt {
  /** The client's verified certificate; `undefined` when the client sent none (`tls.requestClientCertificate`). */
  readonly certificate: X509Certificate | undefined;
  /** Aborts when the client has gone, or after four fifths of `limits.handshakeMs`: then nobody waits for the answer. */
  readonly signal: AbortSignal;
}

/** The identity of a peer, as {@link Authenticate} returns it. */
export interface Identity {
  /** For `peer.identity`: 1 to 256 characters, no control characters. Fair shares and `perCaller` limits count it as one caller. */
  readonly identity: string;
  /**
   * When the identity expires, in milliseconds since 1970, such as 1,000 times the `exp` of a token: then the client must authenticate again.
   * Default: when its certificate expires.
   */
  readonly endsAt?: number | undefined;
  /** Other facts for `authorize` and handlers (`peer.claims`), such as roles. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Returns the identity of the peer of a connection, or refuses it by throwing. Throw `new RpcError('UNAUTHENTICATED', 'why')`: the caller
 * sees its text, but nothing of any other error. A peer without an identity is refused.
 */
export type Authenticate = (
  peer: Peer,
  token: string | undefined,
  attempt: AuthenticationAttempt,
) => Identity | string | undefined | Promise<Identity | string | undefined>;

/** A connection was refused. */
export interface AuthenticationEvent {
  /** The address of the peer. */
  readonly peer: string;
  /** What was wrong, including the text of unexpected errors; it never contains the token. */
  readonly reason: string;
  /** Whether `authenticate` failed instead of refusing. */
  readonly isFault: boolean;
}

/** How many newcomers are authenticated at the same time; the others wait, each within its own time. */
const AT_ONCE_MAX = 100;
/** If nobody listens, failures are printed at most this often, in milliseconds. */
const PRINT_EVERY_MS = 60_000;
const IDENTITY_LENGTH_MAX = 256;

/** Authenticates each newcomer with the user's function. */
export class Authentication {
  readonly #authenticate: Authenticate;
  readonly #clock: Clock;
  readonly #emit: (event: AuthenticationEvent) => boolean;
  readonly #print: (line: string) => void;
  readonly #waiting = new Set<() => void>();
  #running = 0;
  #printedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param emit - reports a refusal to observers; returns whether anybody listens
   * @param print - prints failures if nobody listens; by default to stderr
   */
  constructor(
    authenticate: Authenticate,
    clock: Clock,
    emit: (event: AuthenticationEvent) => boolean,
    print: (line: string) => void = printLine,
  ) {
    this.#authenticate = authenticate;
    this.#clock = clock;
    this.#emit = emit;
    this.#print = print;
  }

  /** Returns the newcomer with its identity. @throws RpcError that the newcomer may see */
  async ask(newcomer: Newcomer): Promise<Peer> {
    const { peer, token, certificate, signal } = newcomer;
    if (this.#running >= AT_ONCE_MAX) await this.#turn(signal);
    this.#running++;
    try {
      return known(peer, await this.#authenticate(peer, token, { certificate, signal }));
    } catch (error) {
      throw this.#refusal(error, newcomer);
    } finally {
      this.#running--;
      for (const next of this.#waiting) {
        next();
        break;
      }
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        this.#waiting.delete(next);
        signal.removeEventListener('abort', gone);
        resolve();
      };
      const gone = (): void => {
        this.#waiting.delete(next);
        reject(rpcError('UNAVAILABLE', 'nobody waits any more', { progress: 'refused' }));
      };
      signal.addEventListener('abort', gone, { once: true });
      this.#waiting.add(next);
    });
  }

  #refusal(thrown: unknown, { peer, token }: Newcomer): RpcError {
    // A function that checks a token may quote the token in its error.
    const shown = (text: string): string =>
      plainText(token === undefined ? text : text.replaceAll(token, '[token]')).slice(0, 1_000);
    const isFault = !isRpcError(thrown);
    const reason = shown(isFault ? String((thrown as Error | undefined)?.message ?? thrown) : thrown.reason);
    const event = { peer: peer.address, reason, isFault };
    if (!this.#emit(event) && isFault) this.#printFault(event);
    if (!isFault) {
      const code = thrown.code === 'PERMISSION_DENIED' ? 'UNAUTHENTICATED' : thrown.code;
      return rpcError(code, reason, { progress: 'refused' });
    }
    return rpcError('UNAVAILABLE', 'the server could not find out who is calling', { progress: 'refused' });
  }

  #printFault({ peer, reason }: AuthenticationEvent): void {
    const now = this.#clock.now();
    if (now - this.#printedAt < PRINT_EVERY_MS) return;
    this.#printedAt = now;
    this.#print(`[rpc] authenticate failed for ${plainText(peer)}: ${reason}\n`);
  }
}

/** The peer with the identity that `authenticate` returned. @throws RpcError when it returned none */
function known(peer: Peer, answer: unknown): Peer {
  const given = typeof answer === 'string' ? { identity: answer } : answer;
  if (typeof given !== 'object' || given === null || isPromise(given)) {
    const what = answer === undefined ? 'nothing' : describeKind(answer);
    throw unknown(`authenticate returned ${what}, which is no identity`);
  }
  const { identity, endsAt = peer.identityEndsAt, claims } = given as Identity;
  if (
    typeof identity !== 'string' ||
    identity === '' ||
    identity.length > IDENTITY_LENGTH_MAX ||
    CONTROL.test(identity)
  )
    throw unknown(
      `authenticate returned an identity that is no text of 1 to ${IDENTITY_LENGTH_MAX} characters without control characters`,
    );
  if (endsAt !== undefined && !(typeof endsAt === 'number' && !Number.isNaN(endsAt)))
    throw unknown('authenticate returned an endsAt that is no time in milliseconds since 1970');
  return Object.freeze({ ...peer, identity, identityEndsAt: endsAt, claims });
}

/** Describes a wrong answer without its text, which may be a secret. */
function describeKind(answer: unknown): string {
  return typeof answer === 'boolean' || answer === null ? describeValue(answer) : `a ${typeof answer}`;
}

function unknown(reason: string): RpcError {
  return rpcError('UNAUTHENTICATED', reason, { progress: 'refused' });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
