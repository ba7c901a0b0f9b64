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
/** Of the exchange of the password for a token, in milliseconds; it comes before a call and is not within its deadline. */
const AUTHENTICATE_MS = 2_000;
/** A connection that comes back is used soon; how often we try is decided by the callers' backoff. */
const RECONNECT_MS = { initial: 200, max: 1_000 };

/**
 * The options of a client of npm etcd3 to one host, with none of its policies.
 *
 * Least of all may etcd3 decide when a connection has failed. It closes one after every error that it calls recoverable, and it
 * counts an answer that is too large and a stream that we cancel ourselves among them; the other watches on that connection
 * then die without a word. So it is shown no error: those of calls pass it as values, and {@link ownStream} takes its streams.
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

/** An error on its way through etcd3, which must not see it. */
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

/** Around each call within etcd3. Asynchronous like the next one, because etcd3 expects a throw of what it executes to be a rejection. */
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
 * Takes a stream out of the hands of etcd3, in whose listener any error closes the connection. No error can have come yet: gRPC
 * tells none in the turn in which it opens a stream.
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
