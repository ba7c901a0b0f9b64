import assert from 'node:assert/strict';
import { seededRandom } from '@org/rpc-testkit';
import type { OutcomeKind } from '../policy/outcome.js';
import { medianLatencyMs, medianUsualMaxMs, PeakEwmaLoad } from './load.js';

/** One call that begins and ends. */
function serve(load: PeakEwmaLoad, from: number, to: number, kind: OutcomeKind = 'ok'): void {
  load.started(from);
  load.settled(to, from, kind);
}

function about(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * 0.001, `${actual}, expected about ${expected}`);
}

/** A node that has answered before. */
function warmLoad(): PeakEwmaLoad {
  const load = new PeakEwmaLoad(0);
  serve(load, -30, 0);
  load.reset(30, 0);
  return load;
}

describe('PeakEwmaLoad', () => {
  it('is not misled by a first answer that is slow because the process warms up', () => {
    const load = new PeakEwmaLoad(0);
    load.reset(3, 0);
    serve(load, 0, 200);
    assert.ok(load.estimateMs(200) <= 3);
    serve(load, 200, 400);
    assert.equal(load.estimateMs(400), 200);
  });

  it('makes no difference between latencies that nobody can feel', () => {
    const [one, other] = [warmLoad(), warmLoad()];
    one.reset(0.3, 0);
    other.reset(0.9, 0);
    assert.equal(one.cost(0), other.cost(0));
  });

  it('takes over a slower answer at once', () => {
    const load = warmLoad();
    serve(load, 0, 200);
    assert.equal(load.estimateMs(200), 200);
  });

  it('approaches faster answers over ten seconds', () => {
    const load = warmLoad();
    serve(load, 0, 200);
    serve(load, 10_150, 10_200);
    about(load.estimateMs(10_200), 200 / Math.E + 50 * (1 - 1 / Math.E));
  });

  it('sinks while nothing is observed', () => {
    const load = warmLoad();
    serve(load, 0, 200);
    about(load.estimateMs(20_200), 200 / Math.E ** 2);
    about(load.estimateMs(250), 200 * Math.exp(-0.005));
  });

  it('costs its latency for each call in flight and the new one', () => {
    const load = new PeakEwmaLoad(0);
    load.reset(50, 0);
    load.started(0);
    load.started(0);
    assert.equal(load.cost(0), 150);
    assert.equal(load.inFlight, 2);
  });

  it('counts a failure as several times what is usual, and as more where it came fast, at most as five seconds', () => {
    const load = warmLoad();
    serve(load, 0, 20, 'failure');
    about(load.estimateMs(20), 89.82);
    serve(load, 20, 21, 'failure');
    about(load.estimateMs(21), 718.5);
    serve(load, 21, 22, 'failure');
    about(load.estimateMs(22), 5_000);
  });

  it('counts a failure that took longer as what it took', () => {
    const load = new PeakEwmaLoad(0);
    serve(load, 0, 8_000, 'failure');
    assert.equal(load.estimateMs(8_000), 8_000);
  });

  it('doubles the estimate for overload, once for all calls that were in flight together', () => {
    const load = new PeakEwmaLoad(0);
    load.reset(50, 0);
    for (let i = 0; i < 64; i++) load.started(0);
    for (let i = 0; i < 64; i++) load.settled(1, 0, 'overload');
    about(load.estimateMs(1), 100);
    serve(load, 2, 3, 'overload');
    about(load.estimateMs(3), 200);
  });

  it('never lets overload cost more than a failure', () => {
    const load = new PeakEwmaLoad(0);
    for (let at = 0; at < 100; at += 2) serve(load, at, at + 1, 'overload');
    about(load.estimateMs(99), 5_000);
  });

  it('sees a node that hangs by the age of its calls, before anything has come back', () => {
    const load = new PeakEwmaLoad(0);
    load.reset(50, 0);
    load.started(0);
    load.started(200);
    assert.equal(load.cost(1_000), 900 * 3);
  });

  it('takes a call that was given up for as slow as it was then, and no faster', () => {
    const load = new PeakEwmaLoad(0);
    load.reset(50, 0);
    serve(load, 0, 1, 'ignore');
    about(load.estimateMs(1), 50);
    serve(load, 0, 300, 'ignore');
    assert.equal(load.estimateMs(300), 300);
  });

  it('is no faster, and no less busy, for answers without work than its peers are', () => {
    const load = warmLoad();
    load.reset(20, 0);
    for (let at = 0; at < 30_000; at += 10) {
      serve(load, at, at + 1, 'business');
      load.answeredShort(at + 1, 1, 20);
    }
    about(load.estimateMs(29_991), 20);
    const busy = load.cost(29_991) / 20;
    assert.ok(busy > 2.5 && busy < 3.6, `as with ${busy - 1} in flight, two would be if each took 20 ms`);
    assert.equal(load.cost(31_000), load.estimateMs(31_000));
  });

  it('is as fast as it answers without work where it has no peers', () => {
    const load = warmLoad();
    for (let at = 0; at < 60_000; at += 10) load.answeredShort(at, 1, undefined);
    assert.ok(load.estimateMs(59_990) < 1.1);
  });

  it('takes longer than another node when its answers do, by more than they vary', () => {
    const [fast, slow] = [new PeakEwmaLoad(0), new PeakEwmaLoad(0)];
    for (let at = 0; at < 1_000; at += 100) {
      serve(fast, at, at + 20);
      serve(slow, at, at + 60);
    }
    assert.equal(fast.timesSlower(slow, 1_000), 1);
    assert.ok(slow.timesSlower(fast, 1_000) > 2, `${slow.timesSlower(fast, 1_000)} times`);
    assert.equal(slow.timesSlower(fast, 20_000), 1, 'for ever');
    assert.equal(slow.timesSlower(new PeakEwmaLoad(0), 1_000), 1, 'than one of which nothing is known');
  });

  it('takes no longer than another node for a slow answer now and then, nor where all answers vary as much', () => {
    const random = seededRandom(1);
    const [one, other] = [new PeakEwmaLoad(0), new PeakEwmaLoad(0)];
    let slower = 0;
    for (let at = 0; at < 100_000; at += 100) {
      serve(one, at, at + (random() < 0.05 ? 1_000 : 10));
      serve(other, at, at - 20 * Math.log(1 - random()));
      if (one.timesSlower(other, at + 100) > 1.5 || other.timesSlower(one, at + 100) > 1.5) slower++;
    }
    assert.ok(slower < 20, `${slower} of 1,000 times`);
  });

  it('has found no queue that has just come up to be usual', () => {
    const [idle, queue] = [new PeakEwmaLoad(0), new PeakEwmaLoad(0)];
    for (let at = 0; at < 1_000; at += 2) for (const load of [idle, queue]) serve(load, at, at + 2);
    for (let at = 1_000; at < 1_020; at += 2) serve(queue, at, at + 10);
    assert.ok(queue.timesSlower(idle, 1_030) < 1.2, `${queue.timesSlower(idle, 1_030)} times`);
  });

  it('is never free', () => {
    const load = new PeakEwmaLoad(0);
    load.reset(0, 0);
    assert.ok(load.cost(0) > 0);
  });

  it('forgets all that when it is reset', () => {
    const load = new PeakEwmaLoad(0);
    serve(load, 0, 1, 'failure');
    load.reset(70, 1);
    assert.equal(load.estimateMs(1), 70);
  });

  it('rises from a tenth of its share to all of it', () => {
    const load = new PeakEwmaLoad(0);
    assert.equal(load.share(0), 1);
    load.ramp(30_000, 0);
    assert.deepEqual(
      [0, 3_000, 15_000, 30_000, 15_000].map((now) => load.share(now)),
      [0.1, 0.1, 0.5, 1, 1],
    );
  });
});

describe('medianLatencyMs', () => {
  it('is the middle latency of the peers, or nothing without peers', () => {
    const [self, ...peers] = [5_000, 10, 1_000, 20].map((ms) => {
      const load = new PeakEwmaLoad(0);
      load.reset(ms, 0);
      return load;
    });
    assert.equal(medianLatencyMs([self!, ...peers], self!, 0), 20);
    assert.equal(medianLatencyMs([self!, peers[1]!], self!, 0), 1_000);
    assert.equal(medianLatencyMs([self!], self!, 0), undefined);
  });
});

describe('medianUsualMaxMs', () => {
  it('is what most nodes take at most, the lower of two, and nothing while none is known', () => {
    const loads = [60, 20, 30].map((ms) => {
      const load = new PeakEwmaLoad(0);
      for (let at = 0; at < 5_000; at += 100) serve(load, at, at + ms);
      return load;
    });
    about(medianUsualMaxMs([...loads, new PeakEwmaLoad(0)])!, 30);
    about(medianUsualMaxMs(loads.slice(0, 2))!, 20);
    assert.equal(medianUsualMaxMs([new PeakEwmaLoad(0)]), undefined);
  });
});
