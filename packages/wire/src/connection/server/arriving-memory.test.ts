import assert from 'node:assert/strict';
import { greetedServerRig } from '../../../test/connection-rig.js';
import { readError, requestFrame } from '../../../test/raw-peer.js';
import { inPieces } from '../../../test/raw-pieces.js';
import { FrameType } from '../../frames/frame.js';
import { HeldMemory } from '../channel/held-memory.js';

const MIB = 1024 * 1024;
/** So large a piece is what clients send. */
const PIECE = 64 * 1024;
const large = (id: number) => inPieces(requestFrame(id, [Buffer.alloc(3 * MIB)]), Array(100).fill(PIECE));

/** Two connections of one server whose connections may hold so much together. */
async function setUp(heldBytes: number) {
  const memory = new HeldMemory(heldBytes);
  const limits = { messageBytes: 4 * MIB, inFlightRequestBytes: 16 * MIB };
  const [one, other] = [await greetedServerRig({ memory, limits }), await greetedServerRig({ memory, limits })];
  return { memory, one, other };
}

describe('what comes of large requests counts for all connections together', () => {
  it('as it comes: who announces much and sends little takes nothing from the others', async () => {
    const { memory, one, other } = await setUp(8 * MIB);
    for (const id of [1, 2, 3, 4]) one.peer.send(large(id)[0]!);
    await one.settle();
    assert.ok(memory.bytes < 5 * PIECE, `${memory.bytes} are held`);
    for (const id of [1, 2]) other.peer.send(...large(id));
    await other.settle();
    assert.deepEqual(
      other.peer.framesOf(FrameType.RESPONSE).map(({ id }) => id),
      [1, 2],
    );
  });

  it('and ends the call that takes more than there is, and its share: those beside it go on', async () => {
    const { memory, one, other } = await setUp(5 * MIB);
    const [first, second] = [large(1), large(2)];
    one.peer.send(...first.slice(0, -1), second[0]!);
    await one.settle();
    for (const piece of second.slice(1, -1)) {
      one.peer.send(piece);
      await one.settle();
      assert.ok(memory.bytes <= 5 * MIB + 3 * PIECE, `${memory.bytes} are held`);
    }
    const [error] = one.peer.framesOf(FrameType.ERROR);
    assert.equal(error?.id, 2);
    assert.match(readError(error!).reason, /limits\.heldBytes/);
    // The rest of it is discarded, and the first one and the connection go on.
    one.peer.send(second.at(-1)!, first.at(-1)!, requestFrame(3, ['small']));
    await one.settle();
    assert.deepEqual(
      one.peer.framesOf(FrameType.RESPONSE).map(({ id }) => id),
      [1, 3],
    );
    other.peer.send(requestFrame(1, ['small']));
    await other.settle();
    assert.equal(other.peer.framesOf(FrameType.RESPONSE).length, 1);
    assert.equal(memory.bytes, 0);
  });
});
