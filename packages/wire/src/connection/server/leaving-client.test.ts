import assert from 'node:assert/strict';
import { greetedClientRig, greetedServerRig, type ServerRig } from '../../../test/connection-rig.js';
import { goAwayFrame, rawFrame, requestFrame } from '../../../test/raw-peer.js';
import { CancelReason, FrameType, GoAwayCode, RequestFlag } from '../../frames/frame.js';

/** A minute in which the server looks after its connection. */
async function aMinute({ clock, connection }: ServerRig): Promise<void> {
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000);
    connection.tick(clock.now());
  }
}

describe('a client that leaves', () => {
  it('has ended its side, gets the answer of a handler that takes a minute, and no PING that it could not answer', async () => {
    const rig = await greetedServerRig();
    let answer!: (value: unknown) => void;
    rig.host.methods['wait'] = () => new Promise((resolve) => (answer = resolve));
    rig.peer.send(requestFrame(1, [], { name: ['test', 'wait'] }));
    rig.peer.stream.end();
    await rig.settle();
    await aMinute(rig);
    assert.deepEqual(rig.peer.framesOf(FrameType.PING), []);
    answer('late');
    await rig.settle();
    assert.equal(rig.peer.only(FrameType.RESPONSE).id, 1);
    assert.ok(rig.peer.isEnded);
  });

  it('has ended its side, and is dropped while a stream waits for the items that can never come', async () => {
    const rig = await greetedServerRig();
    rig.host.methods['read'] = async function* (items: AsyncIterable<unknown>) {
      for await (const item of items) yield item;
    };
    rig.peer.send(requestFrame(1, [], { name: ['test', 'read'], flags: RequestFlag.STREAM }));
    rig.peer.stream.end();
    await rig.settle();
    await aMinute(rig);
    assert.deepEqual(rig.host.closedReasons, ['no answer to a PING within 3000 ms']);
    assert.equal(rig.connection.running, 0);
  });

  it('may have said before that it will call no more, and is answered', async () => {
    const { host, peer, settle } = await greetedServerRig();
    let answer!: (value: unknown) => void;
    host.methods['wait'] = () => new Promise((resolve) => (answer = resolve));
    peer.send(requestFrame(1, [], { name: ['test', 'wait'] }), goAwayFrame(GoAwayCode.DRAINING, 'enough'));
    peer.stream.end();
    await settle();
    answer('late');
    await settle();
    assert.equal(peer.only(FrameType.RESPONSE).id, 1);
    assert.ok(peer.isEnded);
  });

  it('is left at once when it says that something was wrong', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['wait'] = () => new Promise(() => {});
    peer.send(requestFrame(1, [], { name: ['test', 'wait'] }), goAwayFrame(GoAwayCode.PROTOCOL_ERROR, 'nonsense'));
    await settle();
    assert.deepEqual(host.closedReasons, ['closed by the client: nonsense']);
    assert.ok(host.calls[0]!.signal.aborted);
  });
});

describe('a CANCEL', () => {
  for (const [name, reason, said] of [
    ['of a caller that gave up', Buffer.of(1), /: the caller gave up$/],
    ['of a hedge', Buffer.of(2), /: another attempt of the call was faster \(hedge lost\)$/],
    ['of a client that was closed', Buffer.of(3), /: the client was closed \(shutdown\)$/],
    ['of an unknown reason', Buffer.of(9), /: the caller gave up$/],
    ['of no reason', Buffer.alloc(0), /: the caller gave up$/],
  ] as const) {
    it(`${name} tells the handler so`, async () => {
      const { host, peer, settle } = await greetedServerRig();
      host.methods['wait'] = () => new Promise(() => {});
      peer.send(requestFrame(1, [], { name: ['test', 'wait'] }), rawFrame(FrameType.CANCEL, reason, 1));
      await settle();
      assert.match(String(host.calls[0]!.signal.reason), said);
    });
  }

  it('is sent for what is in flight when a client is closed, and not when its connection is lost', async () => {
    for (const isClosed of [true, false]) {
      const { call, connection, peer, settle } = await greetedClientRig();
      for (let i = 0; i < 3; i++) call('echo');
      await settle();
      if (isClosed) connection.close('the client was closed');
      else peer.stream.end();
      await settle();
      const cancels = peer.framesOf(FrameType.CANCEL).map(({ id, body }) => [id, body[0]]);
      const expected = [1, 2, 3].map((id) => [id, CancelReason.SHUTDOWN]);
      assert.deepEqual(cancels, isClosed ? expected : []);
      assert.equal(connection.inFlight, 0);
    }
  });

  it('is sent for no more calls than a server takes', async () => {
    const { call, connection, peer, settle } = await greetedClientRig();
    for (let i = 0; i < 2_000; i++) call('echo');
    await settle();
    connection.close('the client was closed');
    await settle();
    assert.equal(peer.framesOf(FrameType.CANCEL).length, 500);
  });
});
