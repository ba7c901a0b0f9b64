import { type ByteStream, type Listener, listenTcp, listenTls, refuseStream } from '@org/rpc-wire/internal';
import type { ResolvedServerOptions } from '../face/options.js';

/** Whom a listener tells of what comes. */
export interface ListenerHost {
  onStream(stream: ByteStream): void;
  onError(error: Error): void;
}

/** What the options of `listen` come to. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
}

/**
 * Listens as the server's options say. Which of the two ways is decided here once: a server with TLS has no way to serve
 * without.
 * @throws Error in words for people: address taken, permission denied; TypeError for TLS on a unix socket
 */
export function openListener(
  options: ResolvedServerOptions,
  address: ListenAddress,
  host: ListenerHost,
): Promise<Listener> {
  const { tls, codec, limits, clock } = options;
  const target = { ...address, connectionsMax: limits.connections };
  if (tls === undefined)
    return listenTcp(
      target,
      (stream) => host.onStream(stream),
      (error) => host.onError(error),
    );
  if (address.path !== undefined)
    throw new TypeError(
      'server.listen: path and the option tls do not go together: a unix socket stays on the machine',
    );
  return listenTls(target, {
    clock,
    tls,
    handshakeMs: limits.handshakeMs,
    onStream: (stream) => host.onStream(stream),
    onRefused: (stream, reason) => refuseStream({ stream, codec, limits, clock, reason }),
    onError: (error) => host.onError(error),
  });
}
