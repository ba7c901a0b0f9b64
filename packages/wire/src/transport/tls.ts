import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import type { Clock } from '@org/rpc-core';
import type { ByteStream, DialTarget } from './byte-stream.js';
import { describeNodeError } from './node-error.js';
import { SocketStream } from './socket-stream.js';
import { isExpected, splitNames } from './tls-identity.js';
import type { ResolvedClientTls } from './tls-options.js';

/** The protocol that TLS announces (ALPN), so that a proxy, or another service on this port, is not taken for one of ours. */
export const ALPN_PROTOCOL = 'rpc/1';

/**
 * Offered besides it by who means one of several instances at the same address: all that a client of TLS says in the clear about whom it wants.
 * No server chooses it.
 */
export const ALPN_INSTANCE = 'rpc/1/to/';

/**
 * Dials TCP and unix sockets with TLS 1.2 or newer, never without. `timeoutMs` is for connection and handshake together.
 * @throws Error in words for people: as `dialTcp`, and a certificate that has expired, is for another host, of an unknown
 * authority, a port without TLS
 */
export function dialTls(clock: Clock, tls: ResolvedClientTls, target: DialTarget): Promise<ByteStream> {
  const { host, port, path, timeoutMs, identity, instance } = target;
  const where = path === undefined ? `${host}:${port}` : `unix:${path}`;
  const name = tls.options.serverName ?? (path === undefined ? host : 'localhost');
  return new Promise((resolve, reject) => {
    const options: ConnectionOptions & { allowHalfOpen: boolean } = {
      ...(path === undefined ? { host, port } : { path }),
      allowHalfOpen: true,
      secureContext: tls.context,
      // Set explicitly, so that the environment (NODE_TLS_REJECT_UNAUTHORIZED) can't switch it off.
      rejectUnauthorized: true,
      ALPNProtocols: instance === undefined ? [ALPN_PROTOCOL] : [ALPN_PROTOCOL, ALPN_INSTANCE + instance],
      checkServerIdentity: (_name, certificate) =>
        identity === undefined ? checkServerIdentity(name, certificate) : otherIdentity(certificate, identity),
      ...(isIP(name) === 0 ? { servername: name } : {}),
    };
    const socket = connect(options);
    if (path === undefined) socket.setNoDelay(true);
    const cancelTimer = clock.schedule(timeoutMs, () => {
      const stage = socket.connecting ? 'connection' : 'TLS handshake';
      socket.destroy();
      reject(Object.assign(new Error(`${stage} timed out (ETIMEDOUT)`), { code: 'ETIMEDOUT' }));
    });
    socket.once('error', (error) => {
      cancelTimer();
      reject(describeDialError(error, name));
    });
    socket.once('secureConnect', () => {
      cancelTimer();
      socket.removeAllListeners('error');
      // Calls in flight hold the process, by the timer of their deadlines; a connection that nobody uses does not.
      socket.unref();
      resolve(new SocketStream(socket, { address: where }));
    });
  });
}

/** Why a certificate is not that of whom the client expects; `undefined` when it is. */
function otherIdentity(certificate: PeerCertificate, identity: string): Error | undefined {
  if (isExpected(certificate, identity)) return undefined;
  const names = splitNames(certificate.subjectaltname ?? '').join(', ') || 'no name at all';
  const text = `the server proved to be ${names.slice(0, 200)}, and ${identity} is expected (tls.identity): another service at this address, or a certificate that lacks the name`;
  return Object.assign(new Error(text), { code: 'ERR_TLS_IDENTITY' });
}

function describeDialError(error: NodeJS.ErrnoException & { cert?: { subjectaltname?: string } }, name: string): Error {
  if (error.code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return describeNodeError(error);
  const names = error.cert?.subjectaltname ?? 'no name at all';
  const text = `the certificate of the server is not for ${name} but for ${names.slice(0, 200)} (${error.code}): dial it by one of its names, or give tls.serverName`;
  return Object.assign(new Error(text, { cause: error }), { code: error.code });
}
