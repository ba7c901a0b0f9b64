import { assertFits } from '@org/rpc-core/internal';
import type { Registry } from '@org/rpc-registry';
import type { InProcessServer } from '@org/rpc-wire';
import { type Dial, memoryPair } from '@org/rpc-wire/internal';

/** The way of a client to a server of its own process. */
export interface InProcess {
  /** Every service has that one instance. */
  readonly registry: Registry;
  /** Opens a pair in memory, of which the server takes the other end. */
  readonly dial: Dial;
}

/**
 * How a client reaches a server of its own process, without a socket: all else is as between processes, so what is called cannot tell the
 * difference.
 * @throws TypeError when it is no server
 */
export function inProcess(where: string, server: InProcessServer): InProcess {
  const isServer = typeof server?.accept === 'function' && typeof server.instance === 'string';
  assertFits(where, 'server', 'what createServer() made', server, isServer);
  return {
    registry: onlyInstance(server.instance),
    dial: async () => {
      const [clientEnd, serverEnd] = memoryPair();
      server.accept(serverEnd, true);
      return clientEnd;
    },
  };
}

/** A registry in which every service has the one instance. */
function onlyInstance(id: string): Registry {
  const endpoint = { id, host: 'memory', port: 1, weight: 100, state: 'up' } as const;
  return {
    display: 'memory',
    drainLeadMs: 0,
    open: () => ({
      watch(_service, publish) {
        let closed = false;
        queueMicrotask(() => {
          if (!closed) publish({ endpoints: [endpoint], fresh: true, gone: [] });
        });
        return {
          close: () => {
            closed = true;
          },
        };
      },
      register() {
        throw new TypeError('a client does not register');
      },
      services: async () => [],
      close: async () => {},
    }),
  };
}
