import assert from 'node:assert/strict';
import { greetedClientRig, greetedServerRig, type ServerRig, serverRig } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { requestFrame } from '../../../test/raw-peer.js';
import { FrameType, RequestFlag } from '../../frames/frame.js';

const oneWay = (remainingMs = 0): Buffer =>
  requestFrame(0, [], { name: ['test', 'hang'], flags: RequestFlag.ONE_WAY, remainingMs });

/** A rig on which one one-way call runs. */
async function withOneWay(remainingMs = 0): Promise<ServerRig & { readonly signal: AbortSignal }> {
  const rig = await greetedServerRig();
  rig.host.methods['hang'] = () => new Promise(() => {});
  rig.peer.send(oneWay(remainingMs));
  await rig.settle();
  return { ...rig, signal: rig.host.calls[0]!.signal };
}

describe('a one-way call whose connection ends', () => {
  for (const [name, end] of [
    ['is lost', ({ peer }: ServerRig) => peer.stream.destroy()],
    ['is ended by its client', ({ peer }: ServerRig) => peer.stream.end()],
  ] as const) {
    it(`goes on when it ${name}: its caller was told that it is done`, async () => {
      const rig = await withOneWay();
      end(rig);
      await rig.settle();
      assert.equal(rig.signal.aborted, false);
      assert.equal(rig.connection.running, 1);
    });
  }

  it('aborts at its deadline then as ever', async () => {
    const { clock, peer, signal } = await withOneWay(500);
    peer.stream.destroy();
    await clock.advance(499);
    assert.equal(signal.aborted, false);
    await clock.advance(1);
    assert.match((signal.reason as Error).message, /deadline has passed/);
  });

  it('aborts when its peer has broken the protocol: a flood of them must leave nothing behind', async () => {
    const { peer, signal, settle } = await withOneWay();
    peer.send(requestFrame(0));
    await settle();
    assert.match((signal.reason as Error).message, /is gone: only a one-way REQUEST has the id 0$/);
  });

  it('aborts when the server drops the connection, also one that was lost before', async () => {
    for (const isLost of [false, true]) {
      const { connection, peer, signal, settle } = await withOneWay();
      if (isLost) peer.stream.destroy();
      await settle();
      connection.close('the grace is over');
      assert.match((signal.reason as Error).message, /the connection to the caller is gone: the grace is over/);
    }
  });

  it('is the same for notifications of MessagePack-RPC', async () => {
    const { connection, host, peer: raw, settle } = serverRig();
    host.methods['hang'] = () => new Promise(() => {});
    const peer = new MessagePackRpcPeer(raw.stream);
    peer.send(message(2, 'hang', []));
    await settle();
    const { signal } = host.calls[0]!;
    raw.stream.destroy();
    await settle();
    assert.deepEqual([host.closedReasons.length, signal.aborted], [1, false]);
    connection.close('the grace is over');
    assert.equal(signal.aborted, true);
  });
});

describe('one-way calls that have been confirmed', () => {
  it('arrive although their client is closed while the server is busy', async () => {
    const rig = await greetedClientRig();
    rig.peer.stream.pause();
    const notes = Array.from({ length: 1_500 }, () => rig.call('note', [Buffer.alloc(5_000)], { oneWay: true }));
    const hanging = rig.call('hang', []);
    await rig.settle();
    assert.ok(notes.every(({ settledTimes, error }) => settledTimes === 1 && error === undefined));
    rig.connection.close('the client was closed');
    await rig.clock.advance(500);
    assert.deepEqual([hanging.error?.code, rig.observed.closed], ['UNAVAILABLE', ['the client was closed']]);
    rig.peer.stream.resume();
    await rig.settle();
    assert.equal(rig.peer.framesOf(FrameType.REQUEST).filter(({ id }) => id === 0).length, 1_500);
    assert.deepEqual([rig.peer.framesOf(FrameType.CANCEL).length, rig.peer.isEnded], [1, true]);
  });

  it('arrive although they are so large that they go in pieces, and nothing else that waits does', async () => {
    const rig = await greetedClientRig();
    rig.peer.stream.pause();
    const large = Buffer.alloc(1_000_000);
    const notes = [rig.call('note', [large], { oneWay: true }), rig.call('note', [large], { oneWay: true })];
    rig.call('hang', [large]);
    await rig.settle();
    assert.ok(notes.every(({ settledTimes, error }) => settledTimes === 1 && error === undefined));
    rig.connection.close('the client was closed');
    rig.peer.stream.resume();
    await rig.settle();
    const pieces = [FrameType.REQUEST, FrameType.CONTINUATION].flatMap((type) => rig.peer.framesOf(type));
    const bytesOf = (id: number) => pieces.reduce((sum, each) => sum + (each.id === id ? each.body.length : 0), 0);
    assert.ok(bytesOf(0) > 2 * large.length, `${bytesOf(0)}`);
    assert.ok(bytesOf(1) < large.length, `${bytesOf(1)}`);
    assert.equal(rig.peer.isEnded, true);
  });

  it('are waited for no longer than a second', async () => {
    const rig = await greetedClientRig();
    rig.peer.stream.pause();
    rig.call('note', [Buffer.alloc(5_000)], { oneWay: true });
    await rig.settle();
    rig.connection.close('the client was closed');
    await rig.clock.advance(999);
    assert.equal(rig.peer.isClosed, false);
    await rig.clock.advance(1);
    assert.equal(rig.peer.isClosed, true);
  });
});
