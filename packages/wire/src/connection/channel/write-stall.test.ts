import assert from 'node:assert/strict';
import { greetedClientRig, greetedServerRig } from '../../../test/connection-rig.js';
import { requestFrame, responseFrame } from '../../../test/raw-peer.js';
import { wrapStream } from '../../../test/wrap-stream.js';
import { FrameType } from '../../frames/frame.js';
import type { ByteStream } from '../../transport/byte-stream.js';

const LIMITS = { writeQueueBytes: 10_000, writeStallMs: 10_000 };
const LARGE = 'x'.repeat(6_000);

/** Counts how often reading is paused and resumed; `queuedBytes` stands in for what really waits. */
function counting(
  counts: { paused: number; resumed: number },
  queuedBytes?: () => number,
): (stream: ByteStream) => ByteStream {
  const changes = { onPause: () => counts.paused++, onResume: () => counts.resumed++ };
  return (stream) => wrapStream(stream, queuedBytes === undefined ? changes : { ...changes, queuedBytes });
}

describe('a peer that does not read what a server answers', () => {
  async function full() {
    const counts = { paused: 0, resumed: 0 };
    const rig = await greetedServerRig({ limits: LIMITS, wrap: counting(counts) });
    rig.peer.stream.pause();
    rig.peer.send(requestFrame(1, [LARGE]), requestFrame(2, [LARGE]));
    await rig.settle();
    return { ...rig, counts };
  }

  it('is not read from any more once too much waits to be written', async () => {
    const { counts, host, peer, settle } = await full();
    assert.deepEqual(counts, { paused: 1, resumed: 0 });
    peer.send(requestFrame(3, ['x']));
    await settle();
    assert.equal(host.calls.length, 2);
  });

  it('is read from again once it has read', async () => {
    const { counts, host, peer, settle } = await full();
    peer.send(requestFrame(3, ['x']));
    peer.stream.resume();
    await settle();
    assert.deepEqual(counts, { paused: 1, resumed: 1 });
    assert.equal(host.calls.length, 3);
    assert.equal(peer.framesOf(FrameType.RESPONSE).length, 3);
  });

  it('is not read from either when the answers come from handlers that took their time', async () => {
    const counts = { paused: 0, resumed: 0 };
    const { clock, host, peer, settle } = await greetedServerRig({ limits: LIMITS, wrap: counting(counts) });
    host.methods['later'] = () => new Promise((resolve) => clock.schedule(10, () => resolve(LARGE)));
    peer.stream.pause();
    for (const id of [1, 2]) peer.send(requestFrame(id, [], { name: ['test', 'later'] }));
    await clock.advance(10);
    peer.send(requestFrame(3, []));
    await settle();
    assert.deepEqual([counts.paused, host.calls.length], [1, 2]);
  });

  it('is dropped when it has read nothing for writeStallMs, not before, and not for silence or a frame in between', async () => {
    const { clock, connection, host, peer } = await full();
    peer.send(requestFrame(3).subarray(0, 5));
    for (let second = 1; second <= 10; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.deepEqual(host.closedReasons, []);
    await clock.advance(1_000);
    connection.tick(clock.now());
    assert.deepEqual(host.closedReasons, ['the peer has read nothing for 10000 ms (limits.writeStallMs)']);
    await clock.advance(0);
    assert.deepEqual([peer.isClosed, clock.pending], [true, 0]);
  });

  it('is dropped just as soon when the answers of handlers go on to be added', async () => {
    const { clock, connection, host, peer, settle } = await greetedServerRig({ limits: LIMITS });
    host.methods['later'] = (ms: number) => new Promise((resolve) => clock.schedule(ms, () => resolve(LARGE)));
    peer.stream.pause();
    const later = [1, 2, 3, 4, 5].map((id) => requestFrame(id, [id * 1_800], { name: ['test', 'later'] }));
    peer.send(...later, requestFrame(6, [LARGE]), requestFrame(7, [LARGE]));
    await settle();
    for (let second = 1; second <= 11; second++) {
      assert.deepEqual(host.closedReasons, []);
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.deepEqual(host.closedReasons, ['the peer has read nothing for 10000 ms (limits.writeStallMs)']);
  });

  it('is not blamed for a frame or a PONG that nobody reads', async () => {
    const limits = { ...LIMITS, writeStallMs: 60_000, frameStallMs: 5_000 };
    const { clock, connection, host, peer, settle } = await greetedServerRig({ limits });
    peer.stream.pause();
    peer.send(Buffer.concat([requestFrame(1, [LARGE]), requestFrame(2, [LARGE]), requestFrame(3).subarray(0, 12)]));
    for (let second = 1; second <= 30; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.deepEqual(host.closedReasons, []);
    peer.stream.resume();
    await settle();
    connection.tick(clock.now());
    peer.send(requestFrame(3).subarray(12));
    await settle();
    assert.equal(host.calls.length, 3);
    assert.deepEqual(host.closedReasons, []);
  });

  it('is read from again, at the next look, when its stream did not tell that all was taken', async () => {
    let queued = 0;
    const counts = { paused: 0, resumed: 0 };
    const { clock, connection, host, peer, settle } = await greetedServerRig({
      limits: LIMITS,
      wrap: counting(counts, () => queued),
    });
    queued = 20_000;
    peer.stream.pause();
    peer.send(requestFrame(1, ['x']));
    await settle();
    queued = 0;
    peer.send(requestFrame(2, ['x']));
    connection.tick(clock.now());
    await settle();
    assert.deepEqual([counts, host.calls.length], [{ paused: 1, resumed: 1 }, 2]);
  });

  it('may read slowly', async () => {
    let queued = 0;
    const wrap = counting({ paused: 0, resumed: 0 }, () => queued);
    const { clock, connection, host, peer, settle } = await greetedServerRig({ limits: LIMITS, wrap });
    queued = 20_000;
    peer.send(requestFrame(1, ['x']));
    await settle();
    for (let second = 1; second <= 60; second++) {
      if (second % 9 === 0) queued -= 100;
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.deepEqual(host.closedReasons, []);
  });
});

describe('a server that does not read what a client asks', () => {
  it('gets no more calls while too much waits to be written, though it never said a word: they wait', async () => {
    const { call, connection, peer, settle } = await greetedClientRig({ limits: LIMITS });
    peer.stream.pause();
    const sent = [call('echo', [LARGE]), call('note', [LARGE], { oneWay: true })];
    await settle();
    assert.equal(connection.isFull, true);
    const waiting = [call('echo'), call('note', [], { oneWay: true })];
    await settle();
    for (const { settledTimes } of waiting) assert.equal(settledTimes, 0);
    assert.equal(peer.framesOf(FrameType.REQUEST).length, 0);
    peer.stream.resume();
    await settle();
    assert.equal(connection.isFull, false);
    peer.send(responseFrame(1, 'ok'), responseFrame(2, 'ok too'));
    await settle();
    assert.deepEqual([sent[0]!.value, sent[1]!.settledTimes], ['ok', 1]);
    assert.deepEqual([waiting[0]!.value, waiting[1]!.settledTimes, waiting[1]!.error], ['ok too', 1, undefined]);
  });

  it('is dropped after writeStallMs, and its calls fail', async () => {
    const { call, clock, connection, observed, peer, settle } = await greetedClientRig({ limits: LIMITS });
    peer.stream.pause();
    const sent = [call('echo', [LARGE]), call('echo', [LARGE])];
    await settle();
    for (let second = 1; second <= 11; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    await settle();
    assert.match(observed.closed[0]!, /^the peer has read nothing for 10000 ms/);
    for (const { error } of sent) assert.equal(error?.code, 'UNAVAILABLE');
  });
});
