import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { FakeClock } from '@org/rpc-testkit';
import { ConnectionPace } from './connection-pace.js';
import { HandshakeCost } from './handshake-cost.js';

/** As much of a socket as counts here. */
class FakeSocket {
  destroyed = false;
  isPaused = false;
  constructor(readonly remoteAddress: string) {}
  on(): this {
    return this;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  destroy(): void {
    this.destroyed = true;
  }
}

function scene(perSecond: number, cost?: HandshakeCost) {
  const clock = new FakeClock();
  const begun: string[] = [];
  const told: string[] = [];
  const pace = new ConnectionPace(clock, perSecond, (error) => told.push(error.message), cost);
  const come = (host: string): FakeSocket => {
    const socket = new FakeSocket(host);
    pace.enter(socket as unknown as Socket, () => begun.push(host));
    return socket;
  };
  return { clock, pace, begun, told, come };
}

describe('the pace of new connections', () => {
  it('lets in at once what comes seldom, and a burst of what 20 ms bring', async () => {
    const { clock, begun, come } = scene(1_000);
    for (let each = 0; each < 100; each++) {
      come('a');
      await clock.advance(1);
    }
    assert.equal(begun.length, 100);
    await clock.advance(1_000);
    for (let each = 0; each < 20; each++) assert.equal(come('a').isPaused, false);
    assert.equal(come('a').isPaused, true);
  });

  it('loses none of a thousand that come at once, in a second', async () => {
    const { clock, begun, told, come } = scene(1_000);
    const sockets = Array.from({ length: 1_000 }, () => come('a'));
    await clock.advance(500);
    assert.ok(begun.length >= 500 && begun.length <= 521, `${begun.length}`);
    await clock.advance(500);
    assert.equal(begun.length, 1_000);
    assert.ok(sockets.every(({ destroyed, isPaused }) => !destroyed && !isPaused));
    assert.deepEqual(told, []);
  });

  it('gives each host its turn, and drops of those beyond a thousand one of the host with the most', async () => {
    const { clock, begun, told, come } = scene(100);
    const flood = Array.from({ length: 3_000 }, () => come('a'));
    assert.equal(flood.filter(({ destroyed }) => destroyed).length, 1_998);
    const honest = Array.from({ length: 3 }, () => come('b'));
    await clock.advance(60);
    assert.deepEqual(begun.slice(2), ['a', 'b', 'a', 'b', 'a', 'b']);
    assert.ok(honest.every(({ destroyed }) => !destroyed));
    await clock.advance(1_000);
    assert.deepEqual(told, [
      'dropped 2001 connections within a second: more than 100 a second came, and 1000 waited (limits.connectionsPerSecond)',
    ]);
  });

  it('is as slow as each takes, without bursts, and lets so many wait as have their turn in four seconds', async () => {
    const cost = new HandshakeCost(250);
    const { clock, begun, told, come } = scene(250, cost);
    cost.took(2);
    const flood = Array.from({ length: 1_000 }, () => come('a'));
    assert.equal(begun.length, 1);
    assert.equal(flood.filter(({ destroyed }) => destroyed).length, 599);
    come('b');
    await clock.advance(1_000);
    assert.deepEqual([begun.length, begun.indexOf('b')], [101, 2]);
    assert.deepEqual(told, [
      'dropped 600 connections within a second: more than 100 a second came, and 400 waited (limits.connectionsPerSecond)',
    ]);
    await clock.advance(3_000);
    assert.equal(begun.length, 401);
  });

  it('skips who has given up, and drops all that wait when it closes', async () => {
    const { clock, pace, begun, come } = scene(50);
    come('a');
    const [gone, waiting] = [come('a'), come('a')];
    gone!.destroy();
    await clock.advance(45);
    assert.equal(begun.length, 2);
    const last = come('a');
    pace.close();
    await clock.advance(1_000);
    assert.deepEqual([begun.length, waiting!.destroyed, last.destroyed], [2, false, true]);
  });
});
