import { MessagePackRpcClientConnection } from '../../../packages/wire/src/connection/message-pack-rpc/message-pack-rpc-client-connection.js';
import { resolveMessagePackRpcOptions } from '../../../packages/wire/src/connection/message-pack-rpc/message-pack-rpc-options.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { rpcMessages, valueBoundaries } from '../grammar/rpc-messages.js';
import { callAndFeed, finish } from './client-run.js';

/** A client's connection that speaks MessagePack-RPC, with calls in flight, and a server that sends anything. */
export const messagePackRpcClient: FuzzTarget = {
  name: 'message-pack-rpc-client',
  generate: (chance) => rpcMessages(chance, 'server'),
  boundaries: valueBoundaries,
  async run(plan, bytes, held) {
    const run = await callAndFeed(
      plan,
      bytes,
      (options, chance) => {
        const maxInFlight = chance.flip(0.3) ? 1 + chance.size(4) : 1000;
        return new MessagePackRpcClientConnection(options, resolveMessagePackRpcOptions({ maxInFlight }));
      },
      false,
    );
    held();
    await finish(run);
  },
};
