import assert from 'node:assert/strict';
import { clientRig, greetedClientRig } from '../../../test/connection-rig.js';
import { helloFrame, type RawFrame, rawFrame, responseFrame } from '../../../test/raw-peer.js';
import { inPieces, joined } from '../../../test/raw-pieces.js';
import { FrameType, RequestFlag } from '../../frames/frame.js';

const LARGE = Buffer.alloc(4 * 1024 * 1024 - 100, 'large');
const HALF = LARGE.subarray(0, 2 * 1024 * 1024);
const order = (frames: readonly RawFrame[]): string =>
  frames
    .map(({ type, id }) => (type === FrameType.PONG ? 'PONG' : type === FrameType.END ? `END${id}` : `${id}`))
    .join(' ');
/** Everything but the greeting. */
const calls = (frames: readonly RawFrame[]): RawFrame[] => frames.filter(({ type }) => type !== FrameType.HELLO);

describe('a large request to a server that reads slowly', () => {
  async function slow() {
    const rig = await greetedClientRig();
    rig.peer.stream.pause();
    return rig;
  }

  it('is overtaken by a small call', async () => {
    const { call, peer, settle } = await slow();
    const sent = [call('echo', [LARGE.subarray(0, -100)]), call('echo', ['small'])];
    peer.stream.resume();
    await settle();
    const frames = calls(peer.frames);
    assert.equal(order(frames.slice(0, 5)), '1 1 2 1 1');
    assert.equal(joined(frames).length, 2);
    peer.send(responseFrame(1, 'a'), responseFrame(2, 'b'));
    await settle();
    assert.deepEqual(
      sent.map(({ value }) => value),
      ['a', 'b'],
    );
  });

  it('is dropped with its call, and the server is told when it has part of it', async () => {
    for (const how of ['abort', 'deadline', 'answer'] as const) {
      const { call, clock, peer, settle } = await slow();
      const controller = new AbortController();
      const sent = call('echo', [HALF], { timeoutMs: 50, signal: controller.signal });
      await settle();
      if (how === 'abort') controller.abort();
      else if (how === 'deadline') await clock.advance(50);
      else peer.send(rawFrame(FrameType.ERROR, Buffer.alloc(8), 1));
      await settle();
      peer.stream.resume();
      await settle();
      assert.equal(sent.settledTimes, 1);
      // A server that says nothing until the deadline is asked whether it lives.
      const types = calls(peer.frames).map(({ type }) => type);
      assert.deepEqual(
        types.filter((type) => type !== FrameType.PING),
        [FrameType.REQUEST, FrameType.CONTINUATION, FrameType.CANCEL],
        how,
      );
    }
  });

  it('goes out before the connection half-closes, when nobody waits for an answer', async () => {
    const { call, connection, peer, settle } = await slow();
    const note = call('note', [HALF], { oneWay: true });
    connection.drain();
    await settle();
    assert.deepEqual([note.settledTimes, peer.isEnded], [1, false]);
    peer.stream.resume();
    await settle();
    const [request] = joined(calls(peer.frames));
    assert.deepEqual([request!.flags & RequestFlag.ONE_WAY, request!.id, peer.isEnded], [1, 0, true]);
  });

  it('keeps one-way calls in their order, one in pieces at a time', async () => {
    const { call, peer, settle } = await slow();
    for (const value of [HALF, 'small', HALF]) call('note', [value], { oneWay: true });
    peer.stream.resume();
    await settle();
    const lengths = joined(calls(peer.frames)).map(({ body }) => body.length > 1_000);
    assert.deepEqual(lengths, [true, false, true]);
    assert.equal(peer.framesOf(FrameType.REQUEST).length, 3);
  });

  it('is not begun when the server has said that it takes less', async () => {
    const { call, peer, settle } = clientRig();
    peer.send(helloFrame({ messageBytes: 100_000 }));
    await settle();
    const sent = call('echo', [Buffer.alloc(100_000)]);
    await settle();
    assert.equal(sent.error?.progress, 'unsent');
    assert.equal(calls(peer.frames).length, 0);
  });
});

describe('a large reply that comes in pieces', () => {
  const pieces = inPieces(responseFrame(1, HALF), Array<number>(100).fill(60_000));

  it('is given to its caller, small replies in between to theirs', async () => {
    const { call, peer, settle } = await greetedClientRig();
    const [large, small] = [call('echo'), call('echo')];
    peer.send(pieces[0]!, responseFrame(2, 'small'));
    await settle();
    assert.deepEqual([small!.value, large!.settledTimes], ['small', 0]);
    peer.send(...pieces.slice(1));
    await settle();
    assert.ok(HALF.equals(large!.value as Buffer));
  });

  it('is not wanted any more after its deadline: the server is told, the rest is thrown away', async () => {
    const { call, clock, connection, peer, settle } = await greetedClientRig();
    call('echo', [], { timeoutMs: 50 });
    peer.send(pieces[0]!);
    await clock.advance(50);
    await settle();
    assert.equal(peer.only(FrameType.CANCEL).id, 1);
    peer.send(...pieces.slice(1));
    await settle();
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    assert.equal(connection.isOpen, true);
  });

  it('is thrown away and counted when nobody waits for it from the start', async () => {
    const { connection, peer, settle } = await greetedClientRig();
    peer.send(...pieces);
    await settle();
    assert.equal(connection.lateReplies, 1);
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });

  it('fails its call alone when it is larger than a message may be, at the first piece', async () => {
    const { call, peer, settle } = await greetedClientRig({ limits: { messageBytes: 1_000_000 } });
    const [large, other] = [call('echo'), call('echo')];
    peer.send(pieces[0]!);
    await settle();
    assert.deepEqual([large!.error?.code, other!.settledTimes], ['RESOURCE_EXHAUSTED', 0]);
    peer.send(...pieces.slice(1), responseFrame(2, 'ok'));
    await settle();
    assert.equal(other!.value, 'ok');
  });

  it('is what its call fails with when it is an error that the connection does not survive', async () => {
    const { call, observed, peer, settle } = await greetedClientRig();
    const sent = call('echo');
    peer.send(pieces[0]!, responseFrame(1, 'again'));
    await settle();
    assert.equal(sent.error?.code, 'UNAVAILABLE');
    assert.match(peer.goAway.reason, /a frame of type 3 between the pieces of a message of call 1/);
    assert.equal(observed.closed.length, 1);
  });
});
