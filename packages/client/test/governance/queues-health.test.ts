import assert from 'node:assert/strict';
import { type PickerFactory, roundRobin } from '@org/rpc-client';
import { type SimulatedFault, type Simulation, simulate, uniformTime } from '@org/rpc-testkit';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

const work = uniformTime(15, 25);

/** The share of calls that failed, in percent. */
async function failed(simulation: Simulation): Promise<number> {
  const { failures, calls } = await simulate(simulation);
  return (100 * failures) / calls;
}

function first(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Any node, whatever is known of it. */
function blind(): PickerFactory {
  return {
    name: 'blind',
    create: (nodes, { random }) => ({ pick: () => nodes[Math.floor(random() * nodes.length)] }),
  };
}

describe('many nodes that fail fast', function () {
  this.timeout(120_000);

  const few = (balancer?: PickerFactory): Simulation => ({
    clients: { perSecond: 10, options: balancer === undefined ? {} : { balancer } },
    servers: { count: 100, work },
    faults: [{ kind: 'failing', servers: first(30) }],
    durationMs: 120_000,
    warmUpMs: 20_000,
  });

  it('cost a client of few calls half a percent of them at most, for 30 of 100', async () => {
    for (const seed of SEEDS) {
      const share = await failed({ ...few(), seed });
      assert.ok(share <= 0.5, `seed ${seed}: ${share} % failed`);
    }
  });

  it('are tried with two percent of its calls at most', async () => {
    const report = await simulate(few());
    const trials = report.servers
      .slice(0, 30)
      .reduce(
        (sum, { attemptsBySecond }) => sum + attemptsBySecond.slice(60).reduce((all, count) => all + count, 0),
        0,
      );
    assert.ok(trials <= 0.025 * 600, `${trials} attempts in the last minute`);
  });

  it('where a blind pick fails a tenth, which is all that its budget of repeats leaves', async () => {
    assert.ok((await failed(few(blind()))) > 5);
  });

  for (const bad of [6, 8]) {
    const panic = (balancer?: PickerFactory): Simulation => ({
      clients: { count: 2, perSecond: 500, options: balancer === undefined ? {} : { balancer } },
      servers: { count: 10, slots: 8, work },
      faults: [{ kind: 'failing', servers: first(bad), fromMs: 5_000 }],
      durationMs: 25_000,
      warmUpMs: 12_000,
    });

    it(`cost half a percent at most, for ${bad} of 10: in panic the cheapest of a sample is taken`, async () => {
      for (const seed of SEEDS) {
        const share = await failed({ ...panic(), seed });
        assert.ok(share <= 0.5, `seed ${seed}: ${share} % failed`);
      }
    });

    it(`where a blind pick fails much more, for ${bad} of 10`, async () => {
      assert.ok((await failed(panic(blind()))) > 20);
    });
  }
});

describe('nodes that are gone', function () {
  this.timeout(120_000);

  it('do not make the others panic: 4 are disconnected and 2 of the other 6 fail', async () => {
    const faults: SimulatedFault[] = [
      { kind: 'failing', servers: [0, 1], fromMs: 20_000 },
      // They fail until their connections are lost, so that their breakers are open when they go.
      { kind: 'failing', servers: [6, 7, 8, 9], fromMs: 5_000 },
      { kind: 'disconnected', servers: [6, 7, 8, 9], fromMs: 10_000 },
    ];
    for (const balancer of [undefined, roundRobin()]) {
      const share = await failed({
        clients: { perSecond: 500, options: balancer === undefined ? {} : { balancer } },
        servers: { count: 10, work },
        faults,
        durationMs: 60_000,
        warmUpMs: 30_000,
      });
      assert.ok(share <= 0.1, `${balancer?.name ?? 'p2c'}: ${share} % failed`);
    }
  });
});

describe('a service whose methods must not be repeated', function () {
  this.timeout(120_000);

  it('gives a node that has recovered its first call within 8 s', async () => {
    for (const seed of SEEDS) {
      const report = await simulate({
        clients: { perSecond: 200 },
        servers: { count: 5, work },
        methods: { buy: { idempotent: false } },
        faults: [{ kind: 'failing', servers: 0, fromMs: 5_000, untilMs: 20_000 }],
        durationMs: 30_000,
        seed,
      });
      const { attemptsBySecond } = report.servers[0]!;
      const after = attemptsBySecond.slice(20, 28).reduce((sum, count) => sum + count, 0);
      assert.ok(after > 0, `seed ${seed}: ${attemptsBySecond.join(' ')}`);
    }
  });
});

describe('weights with a fast picker', function () {
  this.timeout(60_000);

  for (const [label, weights] of [
    ['1 and 10', [10, 100]],
    ['1 heavy of 10', [100, ...new Array<number>(9).fill(10)]],
    ['2 heavy of 30', [100, 100, ...new Array<number>(28).fill(10)]],
  ] as const) {
    it(`are kept within a tenth: ${label}`, async () => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const report = await simulate({
        clients: { perSecond: 1_000 },
        servers: { count: weights.length, slots: 1_000, work, weights },
        durationMs: 20_000,
      });
      const all = report.servers.reduce((sum, { attempts }) => sum + attempts, 0);
      const share = report.servers[weights.indexOf(100)]!.attempts / all;
      const due = 100 / total;
      assert.ok(Math.abs(share / due - 1) <= 0.1, `${(100 * share).toFixed(1)} %, ${(100 * due).toFixed(1)} % are due`);
    });
  }
});
