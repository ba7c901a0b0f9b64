import { type Destination, isRpcError, type RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/** What one instance made of a broadcast call. */
export interface BroadcastOutcome<T = unknown> {
  /** The instance's id. */
  readonly instance: string;
  /** `host:port`. */
  readonly endpoint: string;
  /** Its answer; `undefined` when it failed, and where a method has no result. */
  readonly value: T | undefined;
  /** Why it failed; `undefined` when it answered. */
  readonly error: RpcError | undefined;
}

/** An instance that can be called. */
export interface BroadcastNode extends Destination {
  readonly endpoint: { readonly id: string };
}

/**
 * Makes one call for each node, all at once, and waits for all of them. Never rejects: each outcome says how the call to its node
 * ended.
 * @param call - makes the call to one node
 */
export function broadcast(
  nodes: readonly BroadcastNode[],
  call: (node: BroadcastNode) => Promise<unknown>,
): Promise<BroadcastOutcome[]> {
  return Promise.all(
    nodes.map(async (node) => {
      const named = { instance: node.endpoint.id, endpoint: node.address };
      try {
        return { ...named, value: await call(node), error: undefined };
      } catch (thrown) {
        const error = isRpcError(thrown)
          ? thrown
          : rpcError('INTERNAL', 'a layer of this client has thrown', { cause: thrown });
        return { ...named, value: undefined, error };
      }
    }),
  );
}
