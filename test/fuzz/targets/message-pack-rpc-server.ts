import assert from 'node:assert/strict';
import { isMessagePackRpc } from '../../../packages/wire/src/frames/message-pack-rpc.js';
import { Chance } from '../chance.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { encode } from '../grammar/message-pack.js';
import { rpcMessages, valueBoundaries } from '../grammar/rpc-messages.js';
import { finish, serve } from './server-run.js';

/** A server's connection and a client of MessagePack-RPC that sends anything. */
export const messagePackRpcServer: FuzzTarget = {
  name: 'message-pack-rpc-server',
  generate: (chance) => rpcMessages(chance, 'client'),
  boundaries: valueBoundaries,
  async run(plan, bytes, held) {
    const run = await serve(plan, bytes);
    const { host, tap, clock } = run;
    held();
    const reason = host.closedReasons[0];
    const isPlain = bytes.length > 0 && isMessagePackRpc(bytes[0]!);
    // A peer of MessagePack-RPC is told only where it has said of which call; the end of the connection it sees in any case.
    if (
      run.hasRead &&
      reason !== undefined &&
      !/^closed by the client|other end|has read nothing/.test(reason) &&
      reason !== 'over'
    )
      assert.ok(tap.bytesRead > 0 || (isPlain && (tap.isEnded || tap.isClosed)), `not a word for: ${reason}`);
    if (isPlain && reason === undefined && !tap.isEnded && valuesEndAt(bytes)) {
      const before = tap.bytesRead;
      tap.stream.write(encode([0, 77, 'test.none', []]));
      await clock.advance(0);
      const isOver = host.closedReasons.length > 0 || tap.isEnded;
      assert.ok(tap.bytesRead > before || isOver, 'it is open and does not answer');
    }
    await finish(run, new Chance(plan ^ 0x5555));
  },
};

function valuesEndAt(bytes: Buffer): boolean {
  const last = valueBoundaries(bytes).at(-1);
  if (last === undefined) return false;
  return valueBoundaries(Buffer.concat([bytes, Buffer.of(0xc0)])).at(-1) === bytes.length;
}
