import { createServer as createPlainServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import type { Clock } from '@org/rpc-core';
import { type Bind, bindServer, type ListenTarget } from './bind-server.js';
import type { ByteStream, Listener } from './byte-stream.js';
import { ConnectionPace } from './connection-pace.js';
import { DescriptorReserve, noDescriptor } from './descriptor-reserve.js';
import { HandshakeCost } from './handshake-cost.js';
import { describeNodeError } from './node-error.js';
import { plainAnswer } from './plain-answer.js';
import { ReadTurns } from './read-turns.js';
import { addressOf, SocketStream } from './socket-stream.js';
import { ALPN_PROTOCOL } from './tls.js';
import { describeClientRefusal } from './tls-error.js';
import { identityOf } from './tls-identity.js';
import type { ResolvedServerTls } from './tls-options.js';
import type { Pem } from './tls-pem.js';
import type { ServerTlsSource } from './tls-source.js';

/** What a listener of TLS needs, and whom it tells. */
export interface TlsListenOptions {
  readonly clock: Clock;
  readonly tls: ServerTlsSource;
  /** The first byte and the whole handshake must come within this, in milliseconds. */
  readonly handshakeMs: number;
  /** Where connections come from, unless the server listens by itself. */
  readonly bind?: Bind | undefined;
  /** Given each stream whose handshake is done and whose client may come in, before any of its bytes. */
  onStream(stream: ByteStream): void;
  /** Given each stream of a client that may not come in but would understand why: say so, and serve nothing. */
  onRefused(stream: ByteStream, reason: string): void;
  /** Told of what went wrong while accepting, handshakes included; it goes on. */
  onError(error: Error): void;
}

/** The first byte of a TLS handshake, and that of the native protocol. */
const TLS_HANDSHAKE = 0x16;
const NATIVE = 0xc1;

/** Node.js bounds handshakes with a timer of its own; the one of the clock comes first. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * Listens on TCP for TLS 1.2 or newer. A client that comes in plaintext is told so, in its own protocol if that is known, and is
 * not served.
 * @throws Error in words for people: address taken, permission denied
 */
export function listenTls(target: ListenTarget, options: TlsListenOptions): Promise<Listener> {
  const server = createPlainServer({ allowHalfOpen: true, noDelay: true });
  const reserve = new DescriptorReserve();
  const { pace: given } = target;
  const cost = given && new HandshakeCost(given.perSecond);
  const pace = given && new ConnectionPace(given.clock, given.perSecond, (error) => options.onError(error), cost);
  const door = new TlsDoor(options, given?.perSecond, cost);
  const enter = (socket: Socket): void => {
    if (reserve.hasRoom()) return door.enter(socket);
    // Before its handshake it can be told nothing.
    options.onError(noDescriptor());
    socket.destroy();
  };
  server.on('connection', (socket) => (pace === undefined ? enter(socket) : pace.enter(socket, enter)));
  server.once('listening', () => reserve.fill());
  return (options.bind ?? bindServer)(server, target, options.onError, () => {
    pace?.close();
    reserve.close();
    door.close();
  });
}

/** A connection whose handshake is not done. */
interface Pending {
  readonly socket: Socket;
  readonly cancelTimer: () => void;
}

/** Holds connections until it is known whether they are admitted. */
class TlsDoor {
  readonly #options: TlsListenOptions;
  /** By both addresses of the connection: all that a socket of TLS tells of the one under it. */
  readonly #pending = new Map<string, Pending>();
  readonly #turns: ReadTurns;
  readonly #cost: HandshakeCost | undefined;
  /** Connections may come one by one and begin their handshakes all at once. */
  readonly #pace: ConnectionPace | undefined;
  #server: TlsServer | undefined;
  #madeFor: ResolvedServerTls | undefined;

  constructor(options: TlsListenOptions, perSecond: number | undefined, cost: HandshakeCost | undefined) {
    const { clock } = options;
    this.#options = options;
    this.#turns = new ReadTurns(clock);
    this.#cost = cost;
    if (cost !== undefined && perSecond !== undefined)
      this.#pace = new ConnectionPace(clock, perSecond, (error) => options.onError(error), cost, false);
  }

  enter(socket: Socket): void {
    const { clock, handshakeMs } = this.#options;
    // From the first moment on: an `error` that nobody listens to ends the process.
    socket.on('error', () => {});
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const address = addressOf(socket);
    const key = keyOf(socket);
    const onTimeout = (): void => {
      this.#failed(address, `the TLS handshake was not done within ${handshakeMs} ms (limits.handshakeMs)`);
      socket.destroy();
    };
    const pending: Pending = { socket, cancelTimer: clock.schedule(handshakeMs, onTimeout, true) };
    this.#pending.set(key, pending);
    const onEnd = (): unknown => socket.destroy();
    socket.once('close', () => {
      if (this.#pending.get(key) === pending) this.#settle(key);
    });
    socket.once('end', onEnd);
    socket.once('data', (bytes: Buffer) => {
      socket.off('end', onEnd);
      socket.pause();
      if (bytes[0] !== TLS_HANDSHAKE) return this.#refusePlaintext(socket, address, bytes);
      socket.unshift(bytes);
      if (this.#pace === undefined) this.#handshake(socket);
      else this.#pace.enter(socket, this.#handshake);
    });
  }

  /** Node.js answers what has come, with a signature, in a callback that was queued when this one is. */
  readonly #handshake = (socket: Socket): void => {
    const { clock } = this.#options;
    const beganAt = clock.now();
    this.#handshakes().emit('connection', socket);
    if (this.#cost !== undefined) process.nextTick(() => this.#cost?.took(clock.now() - beganAt));
  };

  close(): void {
    this.#pace?.close();
    for (const { socket } of [...this.#pending.values()]) socket.destroy();
  }

  /** A server that listens nowhere: it makes the handshakes. Made anew when key or certificates were replaced. */
  #handshakes(): TlsServer {
    const { current } = this.#options.tls;
    if (this.#server !== undefined && this.#madeFor === current) return this.#server;
    const server = createTlsServer({
      ...serverOptions(current),
      // A client that is not authorized is told why in words, which a refused handshake can't do, and is then closed.
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN_PROTOCOL],
      handshakeTimeout: NEVER_MS,
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error, socket) => {
      // A client that has hung up has no address any more.
      const address = socket.remoteAddress === undefined ? 'a client that is gone' : addressOf(socket);
      this.#failed(address, `the TLS handshake failed: ${describeNodeError(error).message}`);
      socket.destroy();
    });
    this.#server = server;
    this.#madeFor = current;
    return server;
  }

  #secured(socket: TLSSocket): void {
    const { clock, tls, onStream, onRefused } = this.#options;
    const address = addressOf(socket);
    this.#settle(keyOf(socket));
    const { requestClientCertificate = false } = tls.current.options;
    const certificate = socket.getPeerX509Certificate();
    // A session that is resumed brings the certificate and the verdict of its first handshake, however long ago that was.
    const identityEndsAt = certificate === undefined ? Number.NaN : Date.parse(certificate.validTo);
    const isOver = identityEndsAt <= clock.wallNow();
    const isProven = certificate !== undefined && socket.authorized && !isOver;
    const mayEnter = isProven || (certificate === undefined && requestClientCertificate !== 'require');
    const identity = isProven ? identityOf(socket) : undefined;
    const stream = new SocketStream(
      socket,
      identity === undefined ? { address } : { address, identity, identityEndsAt },
      undefined,
      this.#turns,
    );
    if (mayEnter) return onStream.call(this.#options, stream);
    const why = isOver ? 'CERT_HAS_EXPIRED' : String(socket.authorizationError);
    const reason = describeClientRefusal(certificate === undefined ? undefined : why);
    this.#failed(address, reason);
    onRefused.call(this.#options, stream, reason);
  }

  #refusePlaintext(socket: Socket, address: string, bytes: Buffer): void {
    const { onRefused } = this.#options;
    if (bytes[0] === NATIVE) {
      this.#settle(keyOf(socket));
      const reason = 'this port expects TLS, and a plaintext connection came: give the client the option tls';
      this.#failed(address, reason);
      onRefused.call(this.#options, new SocketStream(socket, { address }), reason);
    } else {
      // It stays pending: the rest of what it sends is discarded until it has ended, or its time is over.
      const { answer, reason } = plainAnswer(bytes, 'this is a port of @org/rpc, which expects TLS');
      this.#failed(address, reason);
      socket.once('end', () => socket.destroy());
      socket.end(answer);
    }
    socket.resume();
  }

  /** This connection was decided on, or is gone. */
  #settle(key: string): void {
    this.#pending.get(key)?.cancelTimer();
    this.#pending.delete(key);
  }

  #failed(address: string, reason: string): void {
    this.#options.onError(new Error(`refused a connection from ${address}: ${reason}`));
  }
}

/** Names a connection: one client may come from the same port to two addresses of this machine. */
function keyOf(socket: Socket): string {
  return `${addressOf(socket)} ${socket.localAddress}:${socket.localPort}`;
}

function serverOptions({ options }: ResolvedServerTls): TlsOptions {
  const { key, cert, ca, passphrase, requestClientCertificate = false, minVersion = 'TLSv1.2' } = options;
  return {
    key,
    cert,
    minVersion,
    requestCert: requestClientCertificate !== false,
    ...(ca === undefined ? {} : { ca: Array.isArray(ca) ? [...ca] : (ca as Pem) }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}
