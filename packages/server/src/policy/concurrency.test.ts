import assert from 'node:assert/strict';
import type { RpcError } from '@org/rpc-core';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import type { IncomingCall } from '@org/rpc-wire/internal';
import { setUp } from '../../test/bench.js';
import { ConcurrencyLimit } from './concurrency.js';

/** The parts of a call that the limit reads, and a name. */
interface Sketch {
  readonly name?: string;
  readonly priority?: number;
  readonly timeoutMs?: number;
  abandoned?: boolean;
}

function scene(max: number, queue: number) {
  const clock = new FakeClock();
  const limit = new ConcurrencyLimit({ max, queue, clock, random: seededRandom(1) });
  /** What became of the waiting calls, in order: a name, or a name and why it was refused. */
  const told: string[] = [];
  const come = (sketch: Sketch = {}): { call: IncomingCall; refusal: RpcError | undefined } => {
    const { name = '', priority = 128, timeoutMs = Number.POSITIVE_INFINITY, abandoned = false } = sketch;
    const peer = { address: 'a:1' };
    const entry = { service: 's', method: 'm' };
    const call = {
      priority,
      deadline: clock.now() + timeoutMs,
      abandoned,
      peer,
      entry,
      sampledAt: undefined,
    } as IncomingCall;
    const verdict = limit.enter(call);
    if (!(verdict instanceof Promise)) return { call, refusal: verdict };
    void verdict.then((refusal) => told.push(refusal === undefined ? name : `${name}: ${refusal.code}`));
    return { call, refusal: undefined };
  };
  const leave = async (): Promise<void> => {
    limit.leave({ sampledAt: undefined } as IncomingCall, undefined);
    await clock.advance(0);
  };
  return { clock, limit, told, come, leave };
}

describe('a server whose turns are not watched', () => {
  it('looks at the clock for each call before its handler: nobody knows how long those before it took', () => {
    const { come } = scene(1, 1);
    assert.equal(come().call.hasTime, false);
  });
});

describe('the queue of a server', () => {
  it('lets in the oldest first after a burst, and every one once', async () => {
    const { limit, told, come, leave } = scene(1, 3);
    come();
    for (const name of ['a', 'b', 'c']) come({ name });
    assert.deepEqual([limit.running, limit.waiting], [1, 3]);
    for (let i = 0; i < 4; i++) await leave();
    assert.deepEqual([told, limit.running, limit.waiting], [['a', 'b', 'c'], 0, 0]);
  });

  it('refuses what is beyond it, with a time to come back after', () => {
    const { come } = scene(1, 1);
    come();
    come();
    const { refusal } = come();
    assert.deepEqual([refusal?.code, refusal?.progress], ['RESOURCE_EXHAUSTED', 'refused']);
    assert.match(refusal!.reason, /runs 1 calls already \(concurrency\.max\) and 1 wait \(concurrency\.queue\)/);
    assert.ok(refusal!.retryAfterMs! >= 50 && refusal!.retryAfterMs! <= 150);
  });

  it('lets in the more important first, and when it is full takes them in place of the less important', async () => {
    const { told, come, leave } = scene(1, 3);
    come();
    come({ name: 'background', priority: 0 });
    come({ name: 'usual', priority: 128 });
    come({ name: 'critical', priority: 255 });
    come({ name: 'usual 2', priority: 128 });
    assert.equal(come({ name: 'background 2', priority: 0 }).refusal?.code, 'RESOURCE_EXHAUSTED');
    for (let i = 0; i < 3; i++) await leave();
    assert.deepEqual(told, ['background: RESOURCE_EXHAUSTED', 'critical', 'usual', 'usual 2']);
  });

  it('lets in the newest first once somebody has been waiting all the time for 100 ms', async () => {
    const { clock, told, come, leave } = scene(1, 3);
    come();
    come({ name: 'old' });
    await clock.advance(99);
    come({ name: 'newer' });
    await clock.advance(1);
    come({ name: 'newest' });
    // The line is full: the oldest call makes room.
    come({ name: 'last' });
    await leave();
    await leave();
    assert.deepEqual(told, ['old: RESOURCE_EXHAUSTED', 'last', 'newest']);
  });

  it('refuses, while it is standing, who has waited for half of its time', async () => {
    const { clock, told, come, leave } = scene(1, 3);
    come();
    come({ name: 'hurried', timeoutMs: 190 });
    come({ name: 'patient', timeoutMs: 1_000 });
    await clock.advance(100);
    await leave();
    assert.deepEqual(told, ['hurried: RESOURCE_EXHAUSTED', 'patient']);
  });

  it('lets in nobody who is late or has given up, also when no handler ends', async () => {
    const { clock, limit, told, come, leave } = scene(1, 3);
    come();
    come({ name: 'late', timeoutMs: 50 });
    come({ name: 'gone' }).call.abandoned = true;
    await clock.advance(60);
    limit.sweep();
    await clock.advance(0);
    assert.deepEqual([told.length, limit.waiting], [2, 0]);
    come({ name: 'late too', timeoutMs: 10 });
    come({ name: 'good' });
    await clock.advance(20);
    await leave();
    assert.deepEqual(told.slice(2), ['late too: RESOURCE_EXHAUSTED', 'good']);
  });
});

describe('a server with a queue', () => {
  it('runs what waited, in its context and with its arguments, and nothing of what was given up', async () => {
    const ran: unknown[] = [];
    const run = (name: unknown): Promise<unknown> => {
      ran.push(name);
      return new Promise((resolve) => bench.clock.schedule(10, () => resolve(name)));
    };
    await using bench = setUp({ run, tell: (name) => void ran.push(name) }, { concurrency: { max: 1, queue: 10 } });
    const controller = new AbortController();
    const answers = [bench.work.run('first'), bench.work.run('second')];
    const given = bench.work.with({ signal: controller.signal }).run('given up');
    given.catch(() => {});
    await bench.work.tell('news');
    await bench.clock.advance(5);
    assert.deepEqual([ran, bench.server.running], [['first'], 1]);
    controller.abort();
    await bench.clock.advance(30);
    assert.deepEqual(
      [await Promise.all(answers), ran],
      [
        ['first', 'second'],
        ['first', 'second', 'news'],
      ],
    );
    await assert.rejects(given, { code: 'CANCELLED' });
    assert.equal(bench.server.running, 0);
  });
});

describe('what a method takes half of the time', () => {
  it('is learned of calls, not of streams, and refuses who has waited and cannot end in time', async () => {
    const { clock, limit, told, come } = scene(1, 3);
    const entry = { service: 's', method: 'm' };
    const runs = async (stream: unknown): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const { call } = come();
        Object.assign(call, { entry, stream, sampledAt: clock.now() || 1 });
        await clock.advance(50);
        limit.leave(call, undefined);
      }
    };
    const waitsWith = async (timeoutMs: number): Promise<string | undefined> => {
      const { call } = come();
      const late = come({ name: 'late', timeoutMs }).call;
      Object.assign(late, { entry });
      limit.leave(call, undefined);
      await clock.advance(0);
      if (told.at(-1) === 'late') limit.leave(late, undefined);
      return told.at(-1);
    };
    await runs({});
    assert.equal(await waitsWith(20), 'late');
    await runs(undefined);
    assert.equal(await waitsWith(20), 'late: DEADLINE_EXCEEDED');
    assert.equal(await waitsWith(80), 'late');
  });
});

type Limit = Pick<ConcurrencyLimit, 'enter' | 'leave'>;

/** Ten slots and a line in front of them: first come, first served, regardless of caller and deadline. */
function inTurn(): Limit {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    enter: () => {
      if (running === 10) return new Promise((resolve) => waiting.push(() => resolve(undefined)));
      running++;
      return undefined;
    },
    leave: () => {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    },
  };
}

/** Sends calls at random times to ten slots of ten milliseconds each, and counts how many of each priority were done in time. */
async function simulate(
  seed: number,
  forMs: number,
  loads: readonly { readonly priority: number; readonly perMs: (now: number) => number }[],
  control?: Limit,
): Promise<{ offered: number; good: number; doneAt: number[] }[]> {
  const clock = new FakeClock();
  const random = seededRandom(seed);
  const limit: Limit = control ?? new ConcurrencyLimit({ max: 10, queue: 100, clock, random });
  const results = loads.map(() => ({ offered: 0, good: 0, doneAt: [] as number[] }));
  loads.forEach(({ priority, perMs }, index) => {
    const result = results[index]!;
    const arrive = (): void => {
      const peer = { address: 'a:1' };
      const call = {
        priority,
        deadline: clock.now() + 100,
        abandoned: false,
        peer,
        sampledAt: undefined,
      } as IncomingCall;
      result.offered++;
      const begin = (refusal: RpcError | undefined): void => {
        if (refusal !== undefined) return;
        clock.schedule(10, () => {
          if (clock.now() <= call.deadline) {
            result.good++;
            result.doneAt.push(clock.now());
          }
          limit.leave({ sampledAt: undefined } as IncomingCall, undefined);
        });
      };
      const verdict = limit.enter(call);
      if (verdict instanceof Promise) void verdict.then(begin);
      else begin(verdict);
      next();
    };
    const next = (): void => {
      const gap = -Math.log(1 - random()) / perMs(clock.now());
      if (clock.now() + gap < forMs) clock.schedule(gap, arrive);
    };
    next();
  });
  await clock.advance(forMs + 500);
  return results;
}

describe('ten slots of ten milliseconds, simulated', () => {
  for (const seed of [1000, 1001, 1002, 1003])
    it(`do 95 % of what they can within 500 ms of a spike from 0.7 to 1.4 times that, seed ${seed}`, async () => {
      const [result] = await simulate(seed, 5_000, [{ priority: 128, perMs: (now) => (now < 1_000 ? 0.7 : 1.4) }]);
      for (let from = 1_000; from < 5_000; from += 500) {
        const good = result!.doneAt.filter((at) => at >= from && at < from + 500).length;
        assert.ok(good >= 0.95 * 500, `${good} of 500 between ${from} and ${from + 500} ms`);
      }
    });

  for (const seed of [1000, 1001, 1002, 1003])
    it(`serve 99.4 % of critical calls at 0.8 beside sheddable ones at 12 times what they can, seed ${seed}`, async () => {
      const [critical, sheddable] = await simulate(seed, 3_000, [
        { priority: 255, perMs: () => 0.8 },
        { priority: 64, perMs: () => 12 },
      ]);
      const share = critical!.good / critical!.offered;
      assert.ok(share >= 0.994, `${share}`);
      assert.ok(critical!.good + sheddable!.good >= 0.95 * 3_000, `${critical!.good} + ${sheddable!.good}`);
    });

  it('did next to nothing in time a second after the spike, first come, first served (control)', async () => {
    const load = { priority: 128, perMs: (now: number) => (now < 1_000 ? 0.7 : 1.4) };
    const [result] = await simulate(1000, 5_000, [load], inTurn());
    const good = result!.doneAt.filter((at) => at >= 2_000).length;
    assert.ok(good < 0.05 * 3_000, `${good} of 3000`);
  });

  it('served next to none of the critical calls, first come, first served (control)', async () => {
    const loads = [
      { priority: 255, perMs: () => 0.8 },
      { priority: 64, perMs: () => 12 },
    ];
    const [critical] = await simulate(1000, 3_000, loads, inTurn());
    assert.ok(critical!.good < 0.1 * critical!.offered, `${critical!.good} of ${critical!.offered}`);
  });
});
