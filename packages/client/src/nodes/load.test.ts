import assert from 'node:assert/strict';
import { medianLatencyMs, NodeLoad } from './load.js';
import type { OutcomeKind } from './outcome.js';

/** One call that begins and ends. */
function serve(load: NodeLoad, from: number, to: number, kind: OutcomeKind = 'ok'): void {
  load.started(from);
  load.settled(to, from, kind);
}

function about(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * 0.001, `${actual}, expected about ${expected}`);
}

describe('NodeLoad', () => {
  it('takes over a slower answer at once', () => {
    const load = new NodeLoad(0);
    serve(load, 0, 200);
    assert.equal(load.estimateMs(200), 200);
  });

  it('approaches faster answers over ten seconds', () => {
    const load = new NodeLoad(0);
    serve(load, 0, 200);
    serve(load, 10_150, 10_200);
    about(load.estimateMs(10_200), 200 / Math.E + 50 * (1 - 1 / Math.E));
  });

  it('sinks while nothing is observed', () => {
    const load = new NodeLoad(0);
    serve(load, 0, 200);
    about(load.estimateMs(20_200), 200 / Math.E ** 2);
    about(load.estimateMs(250), 200 * Math.exp(-0.005));
  });

  it('costs its latency for each call in flight and the new one', () => {
    const load = new NodeLoad(0);
    load.reset(50, 0);
    load.started(0);
    load.started(0);
    assert.equal(load.cost(0), 150);
    assert.equal(load.inFlight, 2);
  });

  it('counts a failure as five seconds, however fast it came', () => {
    const load = new NodeLoad(0);
    serve(load, 0, 1, 'failure');
    assert.equal(load.estimateMs(1), 5_000);
  });

  it('counts a failure that took longer as what it took', () => {
    const load = new NodeLoad(0);
    serve(load, 0, 8_000, 'failure');
    assert.equal(load.estimateMs(8_000), 8_000);
  });

  it('doubles the estimate for overload, once for all calls that were in flight together', () => {
    const load = new NodeLoad(0);
    load.reset(50, 0);
    for (let i = 0; i < 64; i++) load.started(0);
    for (let i = 0; i < 64; i++) load.settled(1, 0, 'overload');
    about(load.estimateMs(1), 100);
    serve(load, 2, 3, 'overload');
    about(load.estimateMs(3), 200);
  });

  it('never lets overload cost more than a failure', () => {
    const load = new NodeLoad(0);
    for (let at = 0; at < 100; at += 2) serve(load, at, at + 1, 'overload');
    about(load.estimateMs(99), 5_000);
  });

  it('sees a node that hangs by the age of its calls, before anything has come back', () => {
    const load = new NodeLoad(0);
    load.reset(50, 0);
    load.started(0);
    load.started(200);
    assert.equal(load.cost(1_000), 900 * 3);
  });

  it('takes a call that was given up for as slow as it was then, and no faster', () => {
    const load = new NodeLoad(0);
    load.reset(50, 0);
    serve(load, 0, 1, 'ignore');
    about(load.estimateMs(1), 50);
    serve(load, 0, 300, 'ignore');
    assert.equal(load.estimateMs(300), 300);
  });

  it('is never free', () => {
    const load = new NodeLoad(0);
    load.reset(0, 0);
    assert.ok(load.cost(0) > 0);
  });

  it('forgets all that when it is reset', () => {
    const load = new NodeLoad(0);
    serve(load, 0, 1, 'failure');
    load.reset(70, 1);
    assert.equal(load.estimateMs(1), 70);
  });

  it('rises from a tenth of its share to all of it', () => {
    const load = new NodeLoad(0);
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
      const load = new NodeLoad(0);
      load.reset(ms, 0);
      return load;
    });
    assert.equal(medianLatencyMs([self!, ...peers], self!, 0), 20);
    assert.equal(medianLatencyMs([self!, peers[1]!], self!, 0), 1_000);
    assert.equal(medianLatencyMs([self!], self!, 0), undefined);
  });
});
