import assert from 'node:assert/strict';
import type { RpcError } from '@org/rpc-core';
import { encoded } from '../../../test/codec-helpers.js';
import { greetedClientRig, greetedServerRig, type ServerRig } from '../../../test/connection-rig.js';
import { goAwayFrame, rawFrame, readError, requestFrame } from '../../../test/raw-peer.js';
import { CancelReason, FrameType, GoAwayCode, RequestFlag } from '../../frames/frame.js';

/** A minute in which the server looks after its connection. */
async function aMinute({ clock, connection }: ServerRig): Promise<void> {
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000);
    connection.tick(clock.now());
  }
}

describe('a client that leaves', () => {
  it('has ended its side, gets the answer of a handler that takes a minute, and is asked by PINGs that need no answer', async () => {
    const rig = await greetedServerRig();
    let answer!: (value: unknown) => void;
    rig.host.methods['wait'] = () => new Promise((resolve) => (answer = resolve));
    rig.peer.send(requestFrame(1, [], { name: ['test', 'wait'] }));
    rig.peer.stream.end();
    await rig.settle();
    await aMinute(rig);
    assert.equal(rig.peer.framesOf(FrameType.PING).length, 3 + 5);
    answer('late');
    await rig.settle();
    assert.equal(rig.peer.only(FrameType.RESPONSE).id, 1);
    assert.ok(rig.peer.isEnded);
  });

  it('has ended its side before the items of a stream: their reader is told, and that they end is not pretended', async () => {
    const rig = await greetedServerRig();
    const seen: unknown[] = [];
    rig.host.methods['read'] = async function* (items: AsyncIterable<unknown>) {
      try {
        for await (const item of items) seen.push(item);
        seen.push('the end');
      } catch (error) {
        seen.push((error as RpcError).code, (error as RpcError).reason);
      }
      yield 'read';
    };
    const item = rawFrame(FrameType.ITEM, encoded(1), 1);
    rig.peer.send(requestFrame(1, [], { name: ['test', 'read'], flags: RequestFlag.STREAM }), item);
    rig.peer.stream.end();
    await rig.settle();
    assert.deepEqual(seen, [1, 'CANCELLED', 'the client ended its side before the items of the stream']);
    assert.deepEqual(
      rig.peer.frames.filter(({ id }) => id === 1).map(({ type }) => type),
      [FrameType.ITEM, FrameType.END],
    );
    assert.equal(rig.connection.running, 0);
  });

  it('has ended its side after the items of a stream: the stream goes on for as long as it takes', async () => {
    const rig = await greetedServerRig();
    let answer!: (value: unknown) => void;
    rig.host.methods['read'] = async function* (items: AsyncIterable<unknown>) {
      for await (const item of items) yield item;
      yield await new Promise((resolve) => (answer = resolve));
    };
    const end = rawFrame(FrameType.END, Buffer.alloc(0), 1);
    rig.peer.send(requestFrame(1, [], { name: ['test', 'read'], flags: RequestFlag.STREAM }), end);
    rig.peer.stream.end();
    await rig.settle();
    await aMinute(rig);
    assert.deepEqual(rig.host.closedReasons, []);
    answer('late');
    await rig.settle();
    assert.deepEqual(
      rig.peer.frames.filter(({ id }) => id === 1).map(({ type }) => type),
      [FrameType.ITEM, FrameType.END],
    );
    assert.ok(rig.peer.isEnded);
  });

  it('has ended its side: a stream gets what credit it had granted, and is then cancelled', async () => {
    for (const isAfter of [false, true]) {
      const rig = await greetedServerRig();
      let returned = 0;
      rig.host.methods['endless'] = async function* () {
        try {
          for (;;) yield Buffer.alloc(10_000);
        } finally {
          returned++;
        }
      };
      rig.peer.send(requestFrame(1, [], { name: ['test', 'endless'], flags: RequestFlag.STREAM }));
      // The credit is used up before the end of the client's side, or after it.
      if (isAfter) await rig.settle();
      rig.peer.stream.end();
      await rig.settle();
      const frames = rig.peer.frames.filter(({ id }) => id === 1);
      assert.deepEqual(new Set(frames.map(({ type }) => type)), new Set([FrameType.ITEM, FrameType.ERROR]));
      const { code, handlerRan, reason } = readError(frames.at(-1)!);
      assert.deepEqual([code, handlerRan], [1, 1]);
      assert.match(reason, /the client ended its side, and the credit .* is used up/);
      assert.deepEqual([returned, rig.connection.running, rig.peer.isEnded], [1, 0, true]);
    }
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
      const why = host.calls[0]!.signal.reason as Error;
      assert.match(String(why), said);
      assert.doesNotMatch(
        why.stack ?? '',
        /\n\s+at /,
        'a stack of this library is of no use, and costs more than the call',
      );
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

  it('is sent for every call in flight, however many: each REQUEST gives the right to one', async () => {
    const { call, connection, peer, settle } = await greetedClientRig();
    for (let i = 0; i < 2_000; i++) call('echo');
    await settle();
    connection.close('the client was closed');
    await settle();
    assert.equal(peer.framesOf(FrameType.CANCEL).length, 2_000);
  });
});
