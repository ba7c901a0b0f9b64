import assert from 'node:assert/strict';
import { DEFAULT_KEEPALIVE, Keepalive } from './keepalive.js';

/** A keepalive of a connection that last read at `readAt`. */
function scene() {
  const state = { readAt: 0, pings: 0, lost: [] as string[], isNeeded: false };
  const port = {
    readAt: () => state.readAt,
    ping(opaque: Buffer) {
      assert.equal(opaque.length, 8);
      state.pings++;
    },
    isNeeded: () => state.isNeeded,
    lost: (reason: string) => state.lost.push(reason),
  };
  const keepalive = new Keepalive(port, DEFAULT_KEEPALIVE);
  return { state, keepalive };
}

describe('keepalive', () => {
  it('asks a peer that was silent for more than ten seconds, once', () => {
    const { state, keepalive } = scene();
    keepalive.tick(10_000);
    assert.equal(state.pings, 0);
    keepalive.tick(10_001);
    keepalive.tick(11_000);
    assert.equal(state.pings, 1);
  });

  it('suspects a peer that does not answer within three seconds, and gives it up after twenty, while it is needed', () => {
    const { state, keepalive } = scene();
    state.isNeeded = true;
    keepalive.tick(11_000);
    keepalive.tick(14_000);
    assert.equal(keepalive.isSuspect, false);
    keepalive.tick(14_001);
    assert.equal(keepalive.isSuspect, true);
    keepalive.tick(31_000);
    assert.deepEqual(state.lost, []);
    keepalive.tick(31_001);
    assert.deepEqual(state.lost, ['no answer to a PING within 20000 ms']);
  });

  it('suspects it no more as soon as a byte has come', () => {
    const { state, keepalive } = scene();
    state.isNeeded = true;
    keepalive.tick(11_000);
    keepalive.tick(15_000);
    assert.equal(keepalive.isSuspect, true);
    state.readAt = 15_500;
    assert.equal(keepalive.isSuspect, false);
    keepalive.tick(16_000);
    assert.deepEqual([keepalive.isSuspect, state.lost], [false, []]);
  });

  it('gives a peer up that does not answer within three seconds when nothing is lost with it', () => {
    const { state, keepalive } = scene();
    keepalive.tick(11_000);
    keepalive.tick(14_000);
    assert.deepEqual(state.lost, []);
    keepalive.tick(14_001);
    assert.deepEqual(state.lost, ['no answer to a PING within 3000 ms']);
  });

  it('takes any byte for life, also one of the same millisecond', () => {
    for (const answerAt of [11_000, 13_000]) {
      const { state, keepalive } = scene();
      keepalive.tick(11_000);
      state.readAt = answerAt;
      keepalive.tick(15_000);
      assert.deepEqual(state.lost, []);
      keepalive.tick(answerAt + 10_001);
      assert.equal(state.pings, 2);
    }
  });

  it('does not ask a peer that goes on talking', () => {
    const { state, keepalive } = scene();
    for (let now = 1_000; now < 60_000; now += 1_000) {
      state.readAt = now;
      keepalive.tick(now);
    }
    assert.equal(state.pings, 0);
  });

  it('asks at once on suspicion, but not while it waits for an answer', () => {
    const { state, keepalive } = scene();
    keepalive.suspect(500);
    keepalive.suspect(600);
    assert.equal(state.pings, 1);
    keepalive.tick(3_501);
    assert.equal(state.lost.length, 1);
  });

  it('knows whether an answer was awaited, and may be asked again after it', () => {
    const { state, keepalive } = scene();
    assert.equal(keepalive.alive(), false);
    keepalive.suspect(500);
    assert.equal(keepalive.alive(), true);
    assert.equal(keepalive.alive(), false);
    keepalive.suspect(700);
    assert.equal(state.pings, 2);
  });

  it('asks a peer that has ended its side, at once and then rarely, and expects no answer', () => {
    const { state, keepalive } = scene();
    keepalive.tick(11_000);
    keepalive.peerEnded(12_000);
    keepalive.peerEnded(12_000);
    assert.equal(state.pings, 2);
    for (let now = 13_000; now <= 72_000; now += 1_000) keepalive.tick(now);
    keepalive.suspect(72_000);
    assert.deepEqual([state.pings, state.lost], [4 + 5, []]);
  });
});
