import assert from 'node:assert/strict';
import type { RpcError } from '@org/rpc-core';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import type { IncomingCall } from '@org/rpc-wire/internal';
import { ConcurrencyLimit } from './concurrency.js';

interface Outcome {
  readonly offered: number;
  readonly refused: number;
  /** Durations of the calls that ended, sorted. */
  readonly latencies: number[];
  /** The limit by second. */
  readonly limits: number[];
}

/**
 * A server whose handlers wait for one of ten slots behind it (a database), for 10 ms each, exponentially distributed.
 * @param perMs - how many calls come per millisecond, as a function of the time
 * @param workMs - how long a slot takes, as a function of the time
 */
async function behind(
  forMs: number,
  perMs: (now: number) => number,
  workMs: (now: number) => number = () => 10,
  max: number | { adaptive: object } = { adaptive: {} },
): Promise<Outcome> {
  const clock = new FakeClock(1);
  const random = seededRandom(11);
  const limit = new ConcurrencyLimit({ max, queue: 0, clock, random });
  const waiting: (() => void)[] = [];
  let busy = 0;
  const outcome = { offered: 0, refused: 0, latencies: [] as number[], limits: [] as number[] };
  const work = (done: () => void): void => {
    busy++;
    clock.schedule(-Math.log(1 - random()) * workMs(clock.now()), () => {
      busy--;
      done();
      waiting.shift()?.();
    });
  };
  const next = (): void => {
    const gap = -Math.log(1 - random()) / perMs(clock.now());
    if (clock.now() + gap >= forMs) return;
    clock.schedule(gap, () => {
      const beganAt = clock.now();
      outcome.offered++;
      const call = {
        priority: 128,
        deadline: Number.POSITIVE_INFINITY,
        peer: { address: 'a:1' },
        sampledAt: undefined,
      } as IncomingCall;
      const refusal = limit.enter(call) as RpcError | undefined;
      if (refusal !== undefined) outcome.refused++;
      else {
        const begin = (): void =>
          work(() => {
            outcome.latencies.push(clock.now() - beganAt);
            limit.leave(call, undefined);
          });
        if (busy < 10) begin();
        else waiting.push(begin);
      }
      next();
    });
  };
  next();
  for (let at = 0; at < forMs; at += 1_000) {
    await clock.advanceFast(1_000, 1);
    outcome.limits.push(limit.max);
  }
  outcome.latencies.sort((a, b) => a - b);
  return outcome;
}

const p99 = ({ latencies }: Outcome): number => latencies[Math.floor(latencies.length * 0.99)]!;

describe('a limit that is found by looking at how long calls take, simulated', () => {
  it('refuses next to nothing of what there is room for', async () => {
    const outcome = await behind(60_000, () => 0.7);
    assert.ok(outcome.refused <= 0.005 * outcome.offered, `${outcome.refused} of ${outcome.offered}`);
  });

  it('does 95 % of what can be done at twice that, with short queues', async () => {
    const outcome = await behind(60_000, () => 2);
    const perSecond = outcome.latencies.length / 60;
    assert.ok(perSecond >= 950, `${perSecond} a second`);
    assert.ok(p99(outcome) <= 100, `p99 ${p99(outcome)} ms`);
  });

  it('took ever longer without a limit (control)', async () => {
    const outcome = await behind(20_000, () => 2, undefined, Number.POSITIVE_INFINITY);
    assert.ok(p99(outcome) > 5_000, `p99 ${p99(outcome)} ms`);
  });

  it('does not drift upwards in five minutes of a little too much', async function () {
    this.timeout(60_000);
    const { limits } = await behind(300_000, () => 1.2);
    const late = limits.slice(100);
    const most = Math.max(...late);
    assert.ok(most <= 60, `up to ${most}`);
  });

  it('is back where it was after a spike', async () => {
    const { limits } = await behind(90_000, (now) => (now > 30_000 && now < 60_000 ? 3 : 0.7));
    const outcome = await behind(20_000, () => 0.7);
    assert.ok(limits.at(-1)! >= 0.5 * outcome.limits.at(-1)!, `${limits.at(-1)} and ${outcome.limits.at(-1)}`);
  });

  it('takes a slower handler as it is after a while', async () => {
    const outcome = await behind(
      120_000,
      () => 0.3,
      (now) => (now > 30_000 ? 30 : 10),
    );
    assert.ok(outcome.refused <= 0.1 * outcome.offered, `${outcome.refused} of ${outcome.offered}`);
  });
});
