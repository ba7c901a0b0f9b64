import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { uniformTime } from '@org/rpc-testkit';
import { NodeStatus } from '../../src/picker/picker.js';
import { roundRobin } from '../../src/picker/round-robin.js';
import { broken, METHOD, Rig, type Script } from './rig.js';

/** One node whose behaviour changes, under calls at even intervals. */
class OneNode {
  script: Script = healthy;
  readonly rig = new Rig({
    seed: 1,
    picker: roundRobin(),
    nodes: [(now, random, call) => this.script(now, random, call)],
  });

  /** Lets calls begin for so long, one every `everyMs`. */
  async calls(durationMs: number, everyMs: number, change?: (call: Call) => void): Promise<void> {
    for (let at = 0; at < durationMs; at += everyMs) {
      this.rig.call(change).catch(() => {});
      await this.rig.clock.advance(everyMs);
    }
  }

  /** The node's status for a call that may be a probe. */
  status(): NodeStatus {
    return this.rig.nodes[0]!.status(aCall(), this.rig.clock.now());
  }

  /** Breaks the node until its breaker opens. */
  async open(): Promise<void> {
    this.script = failing;
    await this.calls(3_000, 100);
    assert.deepEqual(this.states, ['open']);
  }

  get states(): string[] {
    return this.rig.transitions.map(({ state }) => state);
  }
}

const healthy: Script = (_now, random) => ({ afterMs: uniformTime(1, 3)(random) });
const failing: Script = () => ({ afterMs: 1, error: broken() });

/** Makes a call one that must not be repeated, and so is no trial call. */
function once(call: Call): void {
  call.idempotent = false;
}

function aCall(): Call {
  const call = new Call(METHOD, [], false);
  call.idempotent = true;
  return call;
}

describe('the breaker of a node', function () {
  this.timeout(30_000);

  it('stays closed when 64 calls of a healthy node at 1,000 calls/s fail at once', async () => {
    const one = new OneNode();
    await one.calls(10_000, 1);
    one.script = failing;
    for (let i = 0; i < 64; i++) one.rig.call().catch(() => {});
    await one.rig.clock.advance(2);
    one.script = healthy;
    await one.calls(10_000, 1);
    assert.deepEqual(one.states, []);
  });

  it('forgets the failures after its window, and then keeps nothing', async () => {
    const one = new OneNode();
    one.script = failing;
    one.rig.call().catch(() => {});
    await one.rig.clock.advance(2);
    assert.equal(one.rig.breakers.armed, 1);
    one.script = healthy;
    await one.calls(12_000, 100);
    assert.equal(one.rig.breakers.armed, 0);
    assert.equal(one.rig.clock.pending, 0);
  });

  it('opens when everything fails, after 20 calls', async () => {
    const one = new OneNode();
    one.script = failing;
    await one.calls(19 * 10, 10);
    assert.deepEqual(one.states, []);
    await one.calls(10, 10);
    assert.deepEqual(one.states, ['open']);
    assert.equal(one.status(), NodeStatus.AVOID);
  });

  it('opens within 6 s of a total failure at 2 calls/s, since old successes leave its window in their time', async () => {
    const one = new OneNode();
    await one.calls(12_000, 500);
    one.script = failing;
    await one.calls(6_000, 500);
    assert.deepEqual(one.states, ['open']);
  });

  it('closes after one good trial call', async () => {
    const one = new OneNode();
    await one.open();
    one.script = healthy;
    await one.rig.clock.advance(6_000);
    assert.equal(one.status(), NodeStatus.PROBE);
    await one.calls(10, 10);
    assert.deepEqual(one.states, ['open', 'closed']);
    assert.equal(one.status(), NodeStatus.OPEN);
  });

  it('starts with an empty window after it closed', async () => {
    const one = new OneNode();
    await one.open();
    one.script = healthy;
    await one.rig.clock.advance(6_000);
    await one.calls(10, 10);
    one.script = failing;
    await one.calls(100, 10);
    assert.deepEqual(one.states, ['open', 'closed']);
  });

  it('stays open after a bad trial call, and waits again', async () => {
    const one = new OneNode();
    await one.open();
    await one.rig.clock.advance(6_000);
    await one.calls(10, 10);
    assert.deepEqual(one.states, ['open']);
    assert.equal(one.status(), NodeStatus.AVOID);
  });

  it('admits one trial call at a time', async () => {
    const one = new OneNode();
    await one.open();
    await one.rig.clock.advance(6_000);
    const [node] = one.rig.nodes;
    const now = one.rig.clock.now();
    const granted = Array.from({ length: 50 }, () => node!.takeProbe(aCall(), now)).filter(Boolean);
    assert.equal(granted.length, 1);
    assert.equal(one.status(), NodeStatus.AVOID);
  });

  it('admits no second trial call while the outcome of the first is being recorded', async () => {
    const one = new OneNode();
    await one.open();
    await one.rig.clock.advance(6_000);
    const [node] = one.rig.nodes;
    const now = one.rig.clock.now();
    const first = aCall();
    node!.takeProbe(first, now);
    node!.health.settled(first, 'ok', now);
    assert.equal(node!.takeProbe(aCall(), now), false);
    await one.rig.clock.advance(0);
    assert.equal(one.status(), NodeStatus.OPEN);
  });

  it('is not moved by calls from before it opened that succeed late', async () => {
    const one = new OneNode();
    one.script = () => ({ afterMs: 3_200 });
    await one.calls(300, 10);
    await one.open();
    // Until the late successes have come in, and still before the trial call is due.
    await one.rig.clock.advance(300);
    assert.equal(one.rig.nodes[0]!.load.inFlight, 0);
    assert.deepEqual(one.states, ['open']);
    assert.equal(one.status(), NodeStatus.AVOID);
  });

  it('is not moved by calls from before it closed that fail late', async () => {
    const one = new OneNode();
    await one.open();
    one.script = () => ({ afterMs: 8_000, error: broken() });
    await one.calls(300, 10, once);
    one.script = healthy;
    await one.rig.clock.advance(6_000);
    await one.calls(10, 10);
    await one.rig.clock.advance(3_000);
    assert.equal(one.rig.nodes[0]!.load.inFlight, 0);
    assert.deepEqual(one.states, ['open', 'closed']);
  });

  it('is not held open by calls that fail while it is open', async () => {
    const one = new OneNode();
    await one.open();
    await one.calls(5_000, 10, once);
    assert.equal(one.status(), NodeStatus.PROBE);
  });

  it('is not moved by a trial call that is cancelled: the next one may try', async () => {
    const one = new OneNode();
    await one.open();
    await one.rig.clock.advance(6_000);
    one.script = () => ({ afterMs: 1, error: rpcError('CANCELLED', 'enough', { progress: 'maybe-processed' }) });
    await one.calls(10, 10);
    assert.deepEqual(one.states, ['open']);
    assert.equal(one.status(), NodeStatus.PROBE);
  });

  it('is not held by a trial call that hangs: its deadline settles it', async () => {
    const one = new OneNode();
    await one.open();
    await one.rig.clock.advance(6_000);
    one.script = () => ({ afterMs: Number.POSITIVE_INFINITY });
    one.rig
      .call((call) => {
        call.deadline = one.rig.clock.now() + 1_000;
      })
      .catch(() => {});
    await one.rig.clock.advance(999);
    assert.equal(one.status(), NodeStatus.AVOID);
    await one.rig.clock.advance(1);
    assert.deepEqual(one.states, ['open']);
    one.script = healthy;
    await one.rig.clock.advance(6_000);
    await one.calls(10, 10);
    assert.deepEqual(one.states, ['open', 'closed']);
  });

  it('does not count business errors, overload and cancelled calls', async () => {
    const one = new OneNode();
    for (const code of ['NOT_FOUND', 'RESOURCE_EXHAUSTED', 'CANCELLED'] as const) {
      one.script = () => ({ afterMs: 1, error: rpcError(code, 'scripted', { progress: 'processed' }) });
      await one.calls(2_000, 10);
    }
    assert.deepEqual(one.states, []);
    assert.equal(one.rig.breakers.armed, 0);
  });

  it('takes a business error as a good trial: the handler works', async () => {
    const one = new OneNode();
    await one.open();
    one.script = () => ({ afterMs: 1, error: rpcError('NOT_FOUND', 'scripted', { progress: 'processed' }) });
    await one.rig.clock.advance(6_000);
    await one.calls(10, 10);
    assert.deepEqual(one.states, ['open', 'closed']);
  });

  it('lets any call try when none that may be repeated has come for long', async () => {
    const one = new OneNode();
    await one.open();
    one.script = healthy;
    await one.rig.clock.advance(4_800);
    await one.calls(10, 10, once);
    assert.deepEqual(one.states, ['open']);
    await one.rig.clock.advance(3_000);
    await one.calls(10, 10, once);
    assert.deepEqual(one.states, ['open', 'closed']);
  });

  it('sets no timer but those of the clock', async () => {
    const { setTimeout, clearTimeout, setInterval } = globalThis;
    const live = new Set<unknown>();
    const patched = {
      setTimeout: (...args: Parameters<typeof setTimeout>) => {
        const timer = setTimeout(...args);
        live.add(timer);
        return timer;
      },
      clearTimeout: (timer: NodeJS.Timeout | undefined) => {
        live.delete(timer);
        clearTimeout(timer);
      },
      setInterval: () => assert.fail('an interval was set'),
    };
    Object.assign(globalThis, patched);
    try {
      const one = new OneNode();
      await one.open();
      await one.rig.clock.advance(6_000);
      await one.calls(10, 10);
      one.script = healthy;
      await one.rig.clock.advance(6_000);
      await one.calls(10, 10);
      assert.deepEqual(one.states, ['open', 'closed']);
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval });
    }
    assert.equal(live.size, 0);
  });
});

describe('the breakers of a client', () => {
  it('let go of everything when the client closes', async () => {
    const one = new OneNode();
    one.script = failing;
    await one.calls(50, 10);
    one.rig.breakers.close();
    assert.equal(one.rig.breakers.armed, 0);
    assert.equal(one.rig.clock.pending, 0);
    await one.calls(1_000, 10);
    assert.deepEqual(one.states, []);
    assert.equal(one.rig.clock.pending, 0);
  });
});
