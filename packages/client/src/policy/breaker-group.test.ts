import assert from 'node:assert/strict';
import { POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
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
  const breaker = (method: string): Breaker => new Breaker(group, owner, 'shop', method);
  return { clock, group, breaker };
}

describe('BreakerGroup', () => {
  it('keeps at most so many windows: the one unused for longest gives way', async () => {
    const { group, breaker } = scene(2);
    const [a, b, c] = [breaker('a'), breaker('b'), breaker('c')];
    a.record('failure', 1, 2);
    b.record('failure', 1, 2);
    a.record('ok', 1, 2);
    c.record('failure', 1, 2);
    assert.equal(group.armed, 2);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([a.hasFailures, b.hasFailures, c.hasFailures], [true, false, true]);
  });

  it('gives back to counting the successes that a window held', async () => {
    const { clock, group, breaker } = scene(1);
    const [a, b] = [breaker('a'), breaker('b')];
    for (let i = 0; i < 100; i++) a.record('ok', 0, 1);
    a.record('failure', 0, 1);
    await clock.advance(10);
    b.record('failure', 10, 11);
    assert.equal(group.armed, 1);
    for (let i = 0; i < 64; i++) a.record('failure', 20, 21);
    await clock.advance(10);
    assert.equal(a.isOpen, false);
  });

  it('turns its windows by as much time as has passed when the loop was busy', async () => {
    const { clock, group, breaker } = scene(10);
    const a = breaker('a');
    a.record('failure', 0, 1);
    let turns = 0;
    group.rotation.on('rotate', () => turns++);
    // A timer that comes eight and a half seconds late.
    const now = clock.now.bind(clock);
    clock.now = () => now() + 8_500;
    await clock.advance(1_000);
    assert.equal(turns, 9);
  });

  it('has no timer while nothing fails', () => {
    const { clock, breaker } = scene(10);
    breaker('a').record('ok', 0, 1);
    assert.equal(clock.pending, 0);
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
