import { CallQueue } from '../calls/call-queue.js';
import type { ClientProtocol } from '../client/client-protocol.js';
import { MessagePackRpcClientConnection } from './message-pack-rpc-client-connection.js';
import { type MessagePackRpcOptions, resolveMessagePackRpcOptions } from './message-pack-rpc-options.js';

/**
 * Standard MessagePack-RPC, for calling servers in other languages. Stubs, balancing, retries, deadlines and breakers work as
 * usual, but the protocol has no deadline and no cancel, so the server goes on with calls that the caller has given up.
 *
 * @throws TypeError for a wrong option, naming option, value and bound
 * @example
 * ```ts
 * const client = createClient({ registry: direct(['10.0.0.5:6000']), protocol: messagePackRpc({ maxInFlight: 1 }) });
 * ```
 */
export function messagePackRpc(options: MessagePackRpcOptions = {}): ClientProtocol {
  const resolved = resolveMessagePackRpcOptions(options);
  const { connections: count } = resolved;
  return {
    name: 'messagepack-rpc',
    connections: count === 1 ? undefined : { count, createQueue: () => new CallQueue() },
    open: (connection) => new MessagePackRpcClientConnection(connection, resolved),
  };
}
