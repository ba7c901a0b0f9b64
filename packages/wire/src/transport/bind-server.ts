import type { Server } from 'node:net';
import type { Listener } from './byte-stream.js';
import { describeNodeError } from './node-error.js';

/** Where to listen. */
export interface ListenTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string | undefined;
  /** Beyond this many streams at once the newest is closed. */
  readonly connectionsMax: number;
}

/**
 * Binds a server of Node.js to its address.
 * @param onError - told of what goes wrong while accepting (too many open files, too many connections); it goes on
 * @param onClose - told when it accepts no more
 * @throws Error in words for people: address taken, permission denied
 */
export function bindServer(
  server: Server,
  target: ListenTarget,
  onError: (error: Error) => void,
  onClose?: () => void,
): Promise<Listener> {
  const { host, port, path } = target;
  const where = path === undefined ? `listen on ${host}:${port}` : `listen on unix:${path}`;
  server.maxConnections = target.connectionsMax;
  server.on('drop', () =>
    onError(new Error(`${where}: refused a connection, ${target.connectionsMax} are open (limits.connections)`)),
  );
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(describeNodeError(error, where)));
    server.listen(path === undefined ? { host, port } : { path }, () => {
      server.removeAllListeners('error');
      server.on('error', (error) => onError(describeNodeError(error, where)));
      const bound = server.address();
      const address =
        bound === null || typeof bound === 'string'
          ? { host: '', port: 0, path: path ?? '' }
          : { host: bound.address, port: bound.port };
      resolve({
        address,
        // It stops accepting at once; that it also waits for open connections is of no use here, they live on.
        close: async () => {
          server.close();
          onClose?.();
        },
      });
    });
  });
}
