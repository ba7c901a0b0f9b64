import type { EventEmitter } from 'node:events';
import type { Clock } from '@org/rpc-core';
import type { IOptions } from 'etcd3';
import type { EtcdAuth, EtcdTls } from '../options.js';

/** What a connection to etcd needs besides the host. */
export interface EtcdClientOptions {
  readonly auth?: EtcdAuth | undefined;
  readonly tls?: EtcdTls | undefined;
  readonly clock: Clock;
}

/** etcd answers pings that come more often than every 5 s by closing the connection (`--grpc-keepalive-min-time`). */
const KEEPALIVE_TIME_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 3_000;
/**
 * The timeout of exchanging the password for a token, in milliseconds. This happens before a call and is not part of its
 * deadline.
 */
const AUTHENTICATE_MS = 2_000;
/** Short, so that a connection that is back is used soon; the callers' backoff decides how often we try. */
const RECONNECT_MS = { initial: 200, max: 1_000 };

/**
 * The options of a client of npm etcd3 to one host, with none of its policies.
 *
 * Above all etcd3 must not decide when a connection has failed. It closes a connection after every error that it calls
 * recoverable, also after an answer that is too large and after a stream that we cancel ourselves; then the other watches on that
 * connection die without a word. So etcd3 sees no errors: those of calls pass through it as values, and {@link ownStream} takes
 * over its streams.
 *
 * @param connection - of its own for each client: gRPC pools sockets by equal options
 */
export function etcd3Options(host: string, { auth, tls, clock }: EtcdClientOptions, connection: symbol): IOptions {
  const authenticate = (): { deadline: number } => ({ deadline: clock.wallNow() + AUTHENTICATE_MS });
  return {
    hosts: `${tls === undefined ? 'http' : 'https'}://${host}`,
    ...(tls === undefined ? {} : { credentials: credentialsOf(tls) }),
    ...(auth === undefined ? {} : { auth: { ...auth, callOptions: authenticate } }),
    faultHandling: { host: () => HIDING, global: REVEALING },
    defaultCallOptions: ({ isStream }) => (isStream ? {} : authenticate()),
    grpcOptions: {
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.initial_reconnect_backoff_ms': RECONNECT_MS.initial,
      'grpc.max_reconnect_backoff_ms': RECONNECT_MS.max,
      'grpc.enable_retries': 0,
      'org-rpc.connection': connection,
    },
  };
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;
type Run = (context: unknown) => unknown;

/** Wraps an error on its way through etcd3, which must not see it. */
class Hidden {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function reveal<T>(result: T): T {
  if (result instanceof Hidden) throw result.error;
  return result;
}

/** Around each call within etcd3. Both are asynchronous, because etcd3 expects a rejection where what it executes throws. */
const HIDING = {
  execute: async (run: Run) => {
    try {
      return await run({});
    } catch (error) {
      return new Hidden(error);
    }
  },
} as unknown as Policy;

/** Around each call that is no stream, outside of the one before. */
const REVEALING = { execute: async (run: Run) => reveal(await run({})) } as unknown as Policy;

/**
 * Removes etcd3's listener from a stream, because it closes the connection on any error. No error is missed: gRPC emits none in
 * the turn in which it opens a stream.
 */
export function ownStream<S>(opened: S): S {
  const stream = reveal(opened);
  // A stream of Node, of which etcd3's types show a part.
  (stream as unknown as EventEmitter).removeAllListeners('error');
  return stream;
}

/** Without a root certificate of its own, the well-known ones of Node are used; etcd3's types do not know that. */
function credentialsOf({ ca, cert, key }: EtcdTls): NonNullable<IOptions['credentials']> {
  const credentials = {
    rootCertificate: ca === undefined ? undefined : Buffer.from(ca),
    ...(key === undefined ? {} : { privateKey: Buffer.from(key) }),
    ...(cert === undefined ? {} : { certChain: Buffer.from(cert) }),
  };
  return credentials as NonNullable<IOptions['credentials']>;
}
