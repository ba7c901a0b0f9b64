import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { Clock } from '@org/rpc-core';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { ConnectionPace } from './connection-pace.js';
import { HandshakeCost } from './handshake-cost.js';

const PER_SECOND = 250;

/** An event loop in virtual time: what comes while it computes is seen afterwards. */
function loop(clock: FakeClock) {
  let busyUntil = 0;
  const now = (): number => Math.max(clock.now(), busyUntil);
  const schedule: Clock['schedule'] = (delayMs, run) => {
    const begin = (): void => {
      if (busyUntil > clock.now()) clock.schedule(busyUntil - clock.now(), begin);
      else run();
    };
    return clock.schedule(now() - clock.now() + delayMs, begin);
  };
  const compute = (ms: number): void => {
    busyUntil = now() + ms;
  };
  return { time: { ...clock, now, schedule } as unknown as Clock, now, schedule, compute };
}

/** @param cost - left out: the pace goes by the number of connections alone */
async function flooded(handshakeMs: number, perSecond: number, cost?: HandshakeCost) {
  const clock = new FakeClock(1_000);
  const random = seededRandom(1);
  const { time, now, schedule, compute } = loop(clock);
  const comes = new ConnectionPace(time, PER_SECOND, () => {}, cost);
  const begins = cost && new ConnectionPace(time, PER_SECOND, () => {}, cost, false);
  const times: number[] = [];
  let handshakes = 0;
  const handshake = (): void => {
    handshakes++;
    compute(handshakeMs);
    cost?.took(handshakeMs);
  };
  const socket = () =>
    ({ remoteAddress: 'a', pause: () => {}, resume: () => {}, on: () => {}, destroy: () => {} }) as unknown as Socket;
  const hello = (each: Socket) =>
    schedule(0.2, () => (begins === undefined ? handshake() : begins.enter(each, handshake)));
  for (let ms = 0; ms < 5_000; ms++) {
    for (let each = 0; each < perSecond / 1_000; each++)
      clock.schedule(ms, () => schedule(0, () => comes.enter(socket(), hello)));
    if (random() > 0.2) continue;
    const arrivesAt = ms + random();
    clock.schedule(arrivesAt, () =>
      schedule(0, () => {
        compute(1);
        times.push(now() - 1_000 - arrivesAt);
      }),
    );
  }
  await clock.advanceFast(8_000);
  const p99 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
  return { p99, perSecond: handshakes / 8 };
}

describe('what handshakes may take of the event loop', () => {
  it('is a fifth of its time, and the pace is not slower than two fifths of what is given', () => {
    const cost = new HandshakeCost(PER_SECOND);
    assert.equal(cost.intervalMs, 4);
    cost.took(0.4);
    assert.equal(cost.intervalMs, 4);
    for (let each = 0; each < 100; each++) cost.took(1.2);
    assert.ok(Math.abs(cost.intervalMs - 6) < 0.1, `${cost.intervalMs}`);
    for (let each = 0; each < 100; each++) cost.took(500);
    assert.equal(cost.intervalMs, 10);
    for (let each = 0; each < 100; each++) cost.took(0.1);
    assert.equal(cost.intervalMs, 4);
  });

  it('goes by the mean: one that was held up by others changes little', () => {
    const cost = new HandshakeCost(PER_SECOND);
    for (let each = 0; each < 100; each++) cost.took(1);
    cost.took(5_000);
    assert.ok(cost.intervalMs === 10);
    for (let each = 0; each < 10; each++) cost.took(1);
    assert.ok(cost.intervalMs < 8.5, `${cost.intervalMs}`);
  });

  it('keeps the 99th percentile of calls within three times in a flood of handshakes, whatever these take, simulated', async () => {
    for (const handshakeMs of [1.2, 2.5, 3.5]) {
      const quiet = await flooded(handshakeMs, 0);
      const paced = await flooded(handshakeMs, 3_000, new HandshakeCost(PER_SECOND));
      const all = JSON.stringify({ handshakeMs, quiet, paced });
      assert.ok(paced.p99 <= 3 * quiet.p99, all);
      assert.ok(paced.perSecond >= 95, all);
    }
    const [quiet, counted] = [await flooded(3.5, 0), await flooded(3.5, 3_000)];
    assert.ok(counted.p99 > 10 * quiet.p99, `by the number of connections alone ${counted.p99}`);
  });
});
