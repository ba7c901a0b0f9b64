import assert from 'node:assert/strict';
import { clientRig, greetedClientRig, greetedServerRig } from '../../../test/connection-rig.js';
import { rawFrame, requestFrame, responseFrame } from '../../../test/raw-peer.js';
import { FrameType } from '../../frames/frame.js';

const SECOND_HELLO = rawFrame(FrameType.HELLO);
const HANGING = requestFrame(1, [], { name: ['test', 'hang'] });

describe('closing for cause', () => {
  it('says why, ends, and goes on reading and discarding until the peer has ended too', async () => {
    const { clock, host, peer, settle } = await greetedServerRig();
    peer.send(SECOND_HELLO, requestFrame(1));
    await settle();
    assert.deepEqual([peer.goAway.reason, peer.isEnded, peer.isClosed], ['a second HELLO', true, false]);
    peer.send(requestFrame(2), SECOND_HELLO);
    await settle();
    assert.equal(peer.stream.queuedBytes, 0, 'it must go on reading');
    assert.deepEqual([host.calls.length, host.closedReasons.length], [0, 1]);
    peer.stream.end();
    await settle();
    assert.deepEqual([peer.isClosed, clock.pending], [true, 0]);
  });

  it('does not wait for longer than a second', async () => {
    const { clock, peer } = await greetedServerRig();
    peer.send(SECOND_HELLO);
    await clock.advance(999);
    assert.equal(peer.isClosed, false);
    await clock.advance(1);
    assert.deepEqual([peer.isClosed, clock.pending], [true, 0]);
  });

  it('aborts the handlers, and drops what they answer', async () => {
    const { host, peer, settle } = await greetedServerRig();
    let answer!: (value: unknown) => void;
    host.methods['hang'] = () => new Promise((resolve) => (answer = resolve));
    peer.send(HANGING);
    await settle();
    const [call] = host.calls;
    assert.equal(call!.signal.aborted, false);
    peer.send(SECOND_HELLO);
    await settle();
    assert.match((call!.signal.reason as Error).message, /the connection to the caller is gone: a second HELLO/);
    answer('nobody listens');
    await settle();
    assert.deepEqual([peer.framesOf(FrameType.RESPONSE).length, host.ended.length], [0, 1]);
  });

  it('goes on reading also when it had stopped, because the peer did not read', async () => {
    const limits = { writeQueueBytes: 10_000 };
    const { clock, peer, settle } = await greetedServerRig({ limits });
    peer.stream.pause();
    const large = requestFrame(1, ['x'.repeat(20_000)]);
    peer.send(large, SECOND_HELLO);
    await settle();
    peer.stream.resume();
    await settle();
    assert.equal(peer.goAway.reason, 'a second HELLO');
    peer.stream.end();
    await settle();
    assert.deepEqual([peer.isClosed, clock.pending], [true, 0]);
  });

  it('is not told to the host as the failure of handlers that were aborted by it', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['hang'] = (...all: unknown[]) =>
      new Promise((_, reject) => {
        const { signal } = all.at(-1) as { signal: AbortSignal };
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    peer.send(HANGING);
    await settle();
    peer.send(SECOND_HELLO);
    await settle();
    assert.deepEqual([host.ended.length, host.presented.length], [1, 0]);
  });

  it('tells once that it is over', async () => {
    const { connection, host, peer, settle } = await greetedServerRig();
    peer.send(SECOND_HELLO);
    await settle();
    connection.close('again');
    peer.stream.destroy();
    await settle();
    assert.deepEqual(host.closedReasons, ['a second HELLO']);
  });
});

describe('keepalive of a connection', () => {
  it('suspects a silent server soon, and keeps the calls in flight there for long', async () => {
    const { call, clock, connection, observed, peer } = await greetedClientRig();
    const pass = async (seconds: number): Promise<void> => {
      for (let second = 1; second <= seconds; second++) {
        await clock.advance(1_000);
        connection.tick(clock.now());
      }
    };
    await pass(9);
    const sent = call('compute', [], { timeoutMs: 60_000 });
    await pass(6);
    assert.deepEqual([peer.framesOf(FrameType.PING).length, connection.isSuspect, sent.settledTimes], [1, true, 0]);
    peer.send(responseFrame(1, 'computed'));
    await clock.advance(0);
    assert.deepEqual([sent.value, connection.isSuspect], ['computed', false]);
    const lost = call('compute', [], { timeoutMs: 60_000 });
    await pass(31);
    assert.equal(lost.settledTimes, 0);
    await pass(1);
    assert.deepEqual(observed.closed, ['no answer to a PING within 20000 ms']);
    assert.deepEqual([lost.error?.code, lost.error?.progress], ['UNAVAILABLE', 'maybe-processed']);
  });

  it('keeps a silent server no longer than the last deadline in flight needs', async () => {
    const { call, clock, connection, observed } = await greetedClientRig();
    const [early, late] = [call('compute', [], { timeoutMs: 16_000 }), call('compute', [], { timeoutMs: 18_000 })];
    let closedAfter = 0;
    for (let second = 1; closedAfter === 0; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
      if (observed.closed.length > 0) closedAfter = second;
      else if (second < 18) assert.equal(late.settledTimes, 0);
    }
    assert.deepEqual([early.error?.code, late.error?.code], ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
    assert.equal(closedAfter, 18);
    assert.deepEqual(observed.closed, ['no answer to a PING within 3000 ms']);
  });

  it('asks when it is told to', async () => {
    const keepalive = { idleMs: 2_000, suspectMs: 1_000, timeoutMs: 5_000 };
    const { call, clock, connection, observed, peer } = await greetedClientRig({ keepalive });
    call('compute', [], { timeoutMs: 60_000 });
    for (let second = 1; second <= 3; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
      await clock.advance(0);
    }
    assert.equal(peer.framesOf(FrameType.PING).length, 1);
    for (let second = 1; second <= 6; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.deepEqual(observed.closed, ['no answer to a PING within 5000 ms']);
  });

  it('asks nothing of a peer that has not greeted yet: it may not know what a PING is', async () => {
    const { clock, connection, peer } = clientRig({ limits: { handshakeMs: 60_000 } });
    for (let second = 1; second <= 30; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    await clock.advance(0);
    assert.deepEqual([peer.framesOf(FrameType.PING).length, peer.isClosed], [0, false]);
  });

  for (const [name, make, dropSecond] of [
    ['client', greetedClientRig, 15],
    // A client sends nothing while it computes, and may call again as soon as it can.
    ['server', greetedServerRig, 32],
  ] as const) {
    it(`asks a peer that was silent for ten seconds and drops it some seconds later: ${name}`, async () => {
      const { clock, connection, peer } = await make();
      const pings: number[] = [];
      for (let second = 1; second < dropSecond; second++) {
        await clock.advance(1_000);
        connection.tick(clock.now());
        await clock.advance(0);
        if (peer.framesOf(FrameType.PING).length > pings.length) pings.push(second);
      }
      assert.deepEqual([pings, peer.isClosed], [[11], false]);
      await clock.advance(1_000);
      connection.tick(clock.now());
      await clock.advance(0);
      assert.equal(peer.isClosed, true);
    });

    it(`takes any byte for life, part of a frame too: ${name}`, async () => {
      const { clock, connection, peer } = await make();
      const frame = rawFrame(99, Buffer.alloc(100));
      for (let second = 1; second <= 25; second++) {
        if (second % 5 === 0) peer.send(frame.subarray(second / 5 - 1, second / 5));
        await clock.advance(1_000);
        connection.tick(clock.now());
      }
      assert.equal(peer.framesOf(FrameType.PING).length, 0);
      await clock.advance(10_000);
      connection.tick(clock.now());
      await clock.advance(0);
      assert.equal(peer.framesOf(FrameType.PING).length, 1);
      peer.send(frame.subarray(5, 6));
      await clock.advance(4_000);
      connection.tick(clock.now());
      assert.equal(peer.isClosed, false);
    });
  }
});
