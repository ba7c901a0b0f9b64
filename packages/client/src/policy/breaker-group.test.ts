import assert from 'node:assert/strict';
import type { BreakerOptions } from '@org/rpc-core';
import { completeValues, POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import CircuitBreaker from 'opossum';
import { Breaker } from './breaker.js';
import { BreakerGroup } from './breaker-group.js';

function scene(armedMax: number) {
  const clock = new FakeClock();
  const group = new BreakerGroup({
    options: resolvePolicy('test', POLICIES.breaker),
    clock,
    random: seededRandom(1),
    armedMax,
  });
  const owner = { address: '10.0.0.1:4399', breakerChanged: () => {} };
  const breaker = (method: string): Breaker => new Breaker(group, owner, { service: 'shop', method });
  return { clock, group, breaker };
}

/** How many breakers are open after seventy failures of each, one round after the other within a window. */
async function openOf(pairs: number, room: number, before: (breaker: Breaker) => void): Promise<number> {
  const { clock, breaker } = scene(room);
  const all = Array.from({ length: pairs }, (_, index) => breaker(`m${index}`));
  for (let round = 0; round < 70; round++) {
    await clock.advance(100);
    for (const each of all) {
      before(each);
      each.record('failure', clock.now(), clock.now());
    }
  }
  return all.filter(({ isOpen }) => isOpen).length;
}

/** What the group did before: beyond what there is room for, the one that recorded nothing for longest loses its window. */
function evictOldest(room: number): (breaker: Breaker) => void {
  const used = new Set<Breaker>();
  return (breaker) => {
    used.delete(breaker);
    if (breaker.isOpen) return;
    used.add(breaker);
    for (const each of used) {
      if (each.isOpen) used.delete(each);
      else break;
    }
    if (used.size <= room) return;
    const [oldest] = used;
    used.delete(oldest!);
    oldest!.disarm();
  };
}

describe('BreakerGroup', () => {
  it('keeps at most so many windows: one that has had its time gives way to a newcomer', async () => {
    const { group, clock, breaker } = scene(2);
    const [a, b, c] = [breaker('a'), breaker('b'), breaker('c')];
    const fail = (each: Breaker): void => each.record('failure', clock.now(), clock.now());
    await clock.advance(1);
    fail(a);
    await clock.advance(5_000);
    fail(b);
    fail(a);
    fail(c);
    await clock.advance(1);
    assert.deepEqual([group.armed, a.hasFailures, b.hasFailures, c.hasFailures], [2, true, true, false]);
    await clock.advance(5_001);
    fail(c);
    await clock.advance(1);
    assert.deepEqual([group.armed, a.hasFailures, b.hasFailures, c.hasFailures], [2, false, true, true]);
  });

  for (const [room, pairs] of [
    [100, 100],
    [100, 110],
    [100, 250],
    [1_000, 1_100],
  ] as const)
    it(`opens all of ${pairs} that fail in turn with room for ${room}`, async () => {
      assert.equal(await openOf(pairs, room, () => {}), pairs);
    });

  it('opened none of 110 while the one unused for longest gave way', async () => {
    assert.equal(await openOf(100, 100, evictOldest(100)), 100);
    assert.equal(await openOf(110, 1_000, evictOldest(100)), 0);
  });

  it('gives back to counting the successes that a window held', async () => {
    const { clock, group, breaker } = scene(1);
    const [a, b] = [breaker('a'), breaker('b')];
    await clock.advance(1);
    a.record('failure', 1, 1);
    await clock.advance(9_500);
    for (let i = 0; i < 100; i++) a.record('ok', 9_501, 9_501);
    await clock.advance(501);
    b.record('failure', 10_002, 10_002);
    await clock.advance(1);
    assert.deepEqual([group.armed, b.hasFailures], [1, true]);
    b.close();
    for (let i = 0; i < 64; i++) a.record('failure', 10_020, 10_021);
    await clock.advance(10);
    assert.equal(a.isOpen, false);
  });

  it('turns its windows by as much time as has passed when the loop was busy', async () => {
    const { clock, group } = scene(10);
    let turns = 0;
    const rotation = group.arm({ hasFailures: true, disarm: () => {} }, 10_000, clock.now())!;
    rotation.on('rotate', () => turns++);
    // A timer that comes eight and a half seconds late.
    const now = clock.now.bind(clock);
    clock.now = () => now() + 8_500;
    await clock.advance(1_000);
    assert.equal(turns, 9);
  });

  it('fires into opossum only what may open a breaker', async () => {
    const { clock, breaker } = scene(10);
    const one = breaker('a');
    const { fire } = CircuitBreaker.prototype;
    let fired = 0;
    CircuitBreaker.prototype.fire = function (...args) {
      fired++;
      return fire.apply(this, args);
    };
    const end = (kind: 'ok' | 'failure', count: number): void => {
      for (let i = 0; i < count; i++) one.record(kind, clock.now(), clock.now());
    };
    try {
      await clock.advance(1);
      end('failure', 1);
      end('ok', 30);
      end('failure', 29);
      await clock.advance(1_000);
      assert.deepEqual([one.hasFailures, one.isOpen, fired], [true, false, 0]);
      end('failure', 1);
      await clock.advance(0);
      assert.deepEqual([one.isOpen, fired], [true, 1]);
    } finally {
      CircuitBreaker.prototype.fire = fire;
    }
  });

  it('has no timer while nothing fails', () => {
    const { clock, breaker } = scene(10);
    breaker('a').record('ok', 0, 1);
    assert.equal(clock.pending, 0);
  });
});

describe('a breaker whose values are changed', () => {
  /** One of which 12 calls in 20 have failed, and a way to give it other values. */
  async function counted(first: BreakerOptions) {
    const { clock, group } = scene(10);
    let values = resolvePolicy('test', POLICIES.breaker, first);
    let changes = 0;
    const owner = { address: '10.0.0.1:4399', breakerChanged: () => changes++ };
    const breaker = new Breaker(group, owner, { service: 'shop', method: 'buy' }, () => values);
    const end = async (kind: 'ok' | 'failure', count = 1): Promise<void> => {
      await clock.advance(1);
      for (let i = 0; i < count; i++) breaker.record(kind, clock.now(), clock.now());
      await clock.advance(0);
    };
    const give = (options: BreakerOptions | false): void => {
      values = completeValues(POLICIES.breaker, resolvePolicy('test', POLICIES.breaker, options));
      breaker.refresh();
    };
    await end('ok', 8);
    await end('failure', 12);
    return { clock, group, breaker, end, give, changes: () => changes };
  }

  it('goes by the new ones with its next failure, for what it has counted already', async () => {
    const { breaker, end, give } = await counted({ errorPercent: 90 });
    assert.equal(breaker.isOpen, false);
    give({ errorPercent: 50 });
    assert.deepEqual([breaker.isOpen, breaker.hasFailures], [false, true]);
    await end('failure');
    assert.equal(breaker.isOpen, true);
  });

  it('keeps what it has counted when its window gets another length, up or down', async () => {
    for (const windowMs of [1_000, 60_000]) {
      const { group, breaker, end, give } = await counted({ minCalls: 25 });
      give({ minCalls: 25, windowMs });
      assert.deepEqual([group.armed, breaker.hasFailures], [1, true]);
      await end('failure', 4);
      assert.equal(breaker.isOpen, false);
      await end('failure');
      assert.equal(breaker.isOpen, true);
      const later = await counted({ minCalls: 25 });
      later.give({ minCalls: 25, windowMs });
      await later.clock.advance(windowMs + windowMs / 10);
      await later.end('failure', 12);
      assert.equal(later.breaker.isOpen, false, 'it has turned out of the window');
    }
  });

  it('keeps successes that were counted without a window', async () => {
    const { group, breaker, end, give } = await counted({ minCalls: 1_000 });
    breaker.disarm();
    assert.equal(group.armed, 0);
    await end('ok', 40);
    give({ windowMs: 20_000 });
    await end('failure', 48);
    assert.equal(breaker.isOpen, false);
    await end('failure');
    assert.equal(breaker.isOpen, true);
  });

  it('stays open until its trial, and closes at once when it is to be off', async () => {
    const { clock, breaker, end, give, changes } = await counted({});
    assert.deepEqual([breaker.isOpen, changes()], [true, 1]);
    const before = breaker.trialInMs(clock.now());
    give({ openMs: 60_000, minCalls: 100 });
    assert.deepEqual([breaker.isOpen, breaker.trialInMs(clock.now())], [true, before]);
    give(false);
    assert.deepEqual([breaker.isOpen, changes()], [false, 2]);
    await end('failure', 100);
    assert.equal(breaker.isOpen, false);
    give({});
    await end('failure', 100);
    assert.equal(breaker.isOpen, true);
  });
});

describe('the option breaker', () => {
  it('opens above 50 % of at least 20 calls in 10 s, for 5 s, unless told otherwise', () => {
    assert.deepEqual(resolvePolicy('t', POLICIES.breaker), {
      errorPercent: 50,
      minCalls: 20,
      windowMs: 10_000,
      openMs: 5_000,
    });
  });

  it('refuses what is out of bounds or unknown', () => {
    assert.throws(
      () => resolvePolicy('createClient', POLICIES.breaker, { errorPercent: 0 }),
      /createClient: breaker: errorPercent must be/,
    );
    const foreign = { volumeThreshold: 3 } as object;
    assert.throws(() => resolvePolicy('createClient', POLICIES.breaker, foreign), /unknown option "volumeThreshold"/);
  });
});
