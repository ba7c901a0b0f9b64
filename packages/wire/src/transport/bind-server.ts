import { lstatSync, type Stats, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import type { Clock } from '@org/rpc-core';
import type { Listener } from './byte-stream.js';
import { describeNodeError } from './node-error.js';

/** Where to listen. */
export interface ListenTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string | undefined;
  /** Beyond this many streams at once the newest is closed. */
  readonly connectionsMax: number;
  /** Of those, how many may begin in a second; left out: any number. */
  readonly pace?: { readonly clock: Clock; readonly perSecond: number } | undefined;
}

/** Gives a server of Node.js its connections, from an address of its own or from elsewhere. */
export type Bind = (
  server: Server,
  target: ListenTarget,
  onError: (error: Error) => void,
  onClose?: () => void,
) => Promise<Listener>;

/**
 * Binds a server of Node.js to its address. The socket file of a killed process is removed when nothing listens on it any more.
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
    const listen = (): void => void server.listen(path === undefined ? { host, port } : { path });
    let isFirst = true;
    server.on('error', async (error: NodeJS.ErrnoException) => {
      const wasFirst = isFirst;
      isFirst = false;
      if (wasFirst && path !== undefined && error.code === 'EADDRINUSE' && (await removeStale(path))) return listen();
      reject(describeNodeError(error, where));
    });
    server.once('listening', () => {
      server.removeAllListeners('error');
      server.on('error', (error) => onError(describeNodeError(error, where)));
      const bound = server.address();
      const address =
        bound === null || typeof bound === 'string'
          ? { host: '', port: 0, path: path ?? '' }
          : { host: bound.address, port: bound.port };
      resolve({
        address,
        gone: new Promise((resolve) => server.once('close', resolve)),
        // It stops accepting at once. It also waits for open connections to end, which is not wanted here: they live on.
        close: async () => {
          server.close();
          onClose?.();
        },
      });
    });
    listen();
  });
}

/** Removes the socket file of a process that is gone. @returns whether it was removed */
async function removeStale(path: string): Promise<boolean> {
  const found = socketFile(path);
  if (found === undefined || !(await isRefused(path))) return false;
  const now = socketFile(path);
  // Another server that starts at the same time may have put its own file there meanwhile.
  if (now?.ino !== found.ino || now.ctimeMs !== found.ctimeMs) return false;
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

function socketFile(path: string): Stats | undefined {
  // An abstract socket, whose name begins with a zero byte, leaves no file.
  if (path.startsWith('\0')) return undefined;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isSocket() ? stats : undefined;
}

/** Whether nobody listens there. Other failures, such as a full queue, show that somebody may listen. */
function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
