import assert from 'node:assert/strict';
import { greetedServerRig, pairRig, type ServerRig, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, rawFrame, readGoAway, requestFrame } from '../../../test/raw-peer.js';
import { inPieces, joined } from '../../../test/raw-pieces.js';
import { FrameType, GoAwayCode, MORE, PREFACE, ProtocolError } from '../../frames/frame.js';
import { PieceCredit } from './piece-credit.js';

const WINDOW = 131_072;
/** A result of many pieces. */
const LARGE = Buffer.alloc(2_000_000, 'abcdefg');

const pieceCredit = (bytes: number): Buffer => {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(bytes);
  return rawFrame(FrameType.PIECE_CREDIT, body);
};

/** A server whose client has granted credit for pieces and asked for a large result. */
async function asked(hello: Record<string, unknown> = { pieceCredit: WINDOW }): Promise<ServerRig> {
  const rig = serverRig({ limits: { writeQueueBytes: 8_000_000 } });
  rig.host.methods['large'] = () => LARGE;
  rig.peer.send(PREFACE, helloFrame(hello), requestFrame(1, [], { name: ['test', 'large'] }));
  await rig.settle();
  return rig;
}

/** The total body length of the pieces that the peer has got, in bytes. */
const pieceBytes = ({ peer }: ServerRig): number =>
  peer.frames
    .filter(({ type, flags }) => type === FrameType.CONTINUATION || (flags & MORE) !== 0)
    .reduce((sum, { body }) => sum + body.length, 0);

describe('the credit for pieces', () => {
  it('is without bound until the peer has said its own, and counts what was sent before', () => {
    const credit = new PieceCredit();
    credit.take(100_000);
    assert.equal(credit.isOpen, true);
    credit.greeted(undefined);
    assert.equal(credit.isOpen, true);
    credit.greeted(WINDOW);
    credit.take(31_071);
    assert.equal(credit.isOpen, true);
    credit.take(60_000);
    assert.equal(credit.isOpen, false);
    assert.equal(credit.granted(59_999), true);
    assert.equal(credit.isOpen, false);
    assert.equal(credit.granted(1), true);
    assert.equal(credit.granted(1), true);
    assert.deepEqual([credit.isOpen, credit.granted(1)], [true, false]);
  });

  it('is never more than 2^31 - 1', () => {
    const credit = new PieceCredit();
    credit.greeted(WINDOW);
    assert.throws(() => credit.granted(2 ** 31 - 1), ProtocolError);
  });
});

describe('a sender of a large message', () => {
  it('stops at the credit of its peer, lets small calls pass, and goes on when it is granted more', async () => {
    const rig = await asked();
    const { peer, settle } = rig;
    assert.ok(pieceBytes(rig) >= WINDOW && pieceBytes(rig) < WINDOW + 65_536, `${pieceBytes(rig)} bytes`);
    peer.send(requestFrame(2, ['small']));
    await settle();
    assert.equal(peer.frames.at(-1)!.id, 2);
    for (let granted = 0; granted < LARGE.length; granted += WINDOW) {
      peer.send(pieceCredit(WINDOW));
      await settle();
      assert.ok(pieceBytes(rig) < 2 * WINDOW + granted + 65_536);
    }
    const replies = peer.frames.filter(({ type }) => type === FrameType.RESPONSE || type === FrameType.CONTINUATION);
    assert.deepEqual(
      joined(replies).map(({ id, body }) => [id, body.length > 2_000_000]),
      [
        [2, false],
        [1, true],
      ],
    );
  });

  it('knows no credit where its peer has said none', async () => {
    const rig = await asked({});
    assert.ok(pieceBytes(rig) > LARGE.length);
  });

  it('needs none once its peer has ended its side, and can grant no more', async () => {
    const rig = await asked();
    rig.peer.stream.end();
    await rig.settle();
    assert.ok(pieceBytes(rig) > LARGE.length);
  });

  it('needs none while it does not read, since it would not learn of it', async () => {
    const rig = serverRig({ limits: { writeQueueBytes: 1_000_000 } });
    rig.host.methods['large'] = () => LARGE;
    rig.peer.send(PREFACE, helloFrame({ pieceCredit: WINDOW }), requestFrame(1, [], { name: ['test', 'large'] }));
    await rig.settle();
    // The server sends until half of the queue is left, then reads again.
    assert.ok(pieceBytes(rig) > LARGE.length - 600_000);
  });

  it('closes for a grant of nothing, and counts those for which it has sent nothing', async () => {
    const { peer, settle } = await greetedServerRig();
    for (let i = 0; i < 101; i++) peer.send(pieceCredit(1));
    await settle();
    assert.equal(readGoAway(peer.framesOf(FrameType.GOAWAY)[0]!).code, GoAwayCode.LIMIT);
    const other = await greetedServerRig();
    other.peer.send(pieceCredit(0));
    await other.settle();
    assert.equal(readGoAway(other.peer.framesOf(FrameType.GOAWAY)[0]!).code, GoAwayCode.PROTOCOL_ERROR);
  });
});

describe('a receiver of pieces', () => {
  for (const knows of [true, false]) {
    it(`${knows ? 'grants back what has come' : 'grants nothing to a peer that does not know of it'}`, async () => {
      const { host, peer, settle } = serverRig();
      peer.send(PREFACE, helloFrame(knows ? { pieceCredit: WINDOW } : {}));
      const pieces = inPieces(requestFrame(1, [Buffer.alloc(400_000)]), Array<number>(100).fill(50_000));
      peer.send(...pieces);
      await settle();
      const grants = peer.framesOf(FrameType.PIECE_CREDIT).map(({ body }) => body.readUInt32BE());
      assert.deepEqual(grants, knows ? [150_004, 150_000] : []);
      assert.equal(host.calls.length, 1);
    });
  }
});

describe('both ends', () => {
  it('pass large messages on in both directions at once', async () => {
    const rig = pairRig();
    await rig.settle();
    const sent = Array.from({ length: 6 }, () => rig.call('echo', [LARGE]));
    await rig.settle();
    for (const { value, error } of sent) assert.ok(error === undefined && LARGE.equals(value as Buffer), String(error));
  });
});
