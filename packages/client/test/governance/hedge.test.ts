import assert from 'node:assert/strict';
import type { ClientOptions } from '@org/rpc-client';
import { type ServiceTime, type Simulation, type SimulationReport, simulate } from '@org/rpc-testkit';

/** The curve of a leaf of "The Tail at Scale": 2 % above 10 ms, 0.1 % above 64, 0.0001 % above 1.8 s. */
const TAIL = [
  [10, 0.02],
  [64, 1e-3],
  [1_800, 1e-6],
  [6_000, 1e-9],
] as const;

const leaf: ServiceTime = (random) => {
  const above = random();
  if (above > 0.02) return 1 + (9 * (1 - above)) / 0.98;
  for (const [index, [ms, share]] of TAIL.entries()) {
    const before = TAIL[index - 1];
    if (before === undefined || above < share) continue;
    const part = Math.log(above / before[1]) / Math.log(share / before[1]);
    return Math.exp(Math.log(before[0]) + part * Math.log(ms / before[0]));
  }
  return 6_000;
};

/** Many servers that are never busy: what is slow is slow by itself, and elsewhere it would not be. */
const LEAVES: Simulation = {
  clients: { perSecond: 1_000, options: { timeoutMs: 10_000 } },
  servers: { count: 20, slots: 1_000, work: leaf, networkMs: 0 },
  durationMs: 40_000,
  warmUpMs: 0,
};

function withOptions(simulation: Simulation, options: ClientOptions): Simulation {
  const { clients } = simulation;
  return { ...simulation, clients: { ...clients, options: { ...clients.options, ...options } } };
}

async function run(simulation: Simulation, seeds: readonly number[]): Promise<SimulationReport[]> {
  const reports: SimulationReport[] = [];
  for (const seed of seeds) reports.push(await simulate({ ...simulation, seed }));
  return reports;
}

/** Attempts beyond the first, in percent of the calls. */
function extraPercent({ attemptsPerCall }: SimulationReport): number {
  return 100 * (attemptsPerCall - 1);
}

describe('hedging a leaf of which one answer in fifty is slow', function () {
  this.timeout(120_000);

  it('after 10 ms makes the slowest thousandth three times as fast, for 2 % more calls', async () => {
    for (const report of await run(withOptions(LEAVES, { hedge: { delayMs: 10 } }), [1, 2, 3, 4, 5])) {
      assert.ok(report.p999Ms <= 22, `p99.9 is ${report.p999Ms} ms`);
      const extra = extraPercent(report);
      assert.ok(extra >= 1.9 && extra <= 2.2, `${extra} % extra`);
    }
  });

  it('where without it p99.9 is 66 ms', async () => {
    const [report] = await run(LEAVES, [1]);
    assert.ok(report!.p999Ms > 55 && report!.p999Ms < 80, `p99.9 is ${report!.p999Ms} ms`);
  });

  it('by its percentile does nearly the same', async () => {
    for (const report of await run(withOptions(LEAVES, { hedge: {} }), [1, 2, 3])) {
      assert.ok(report.p999Ms <= 26, `p99.9 is ${report.p999Ms} ms`);
      assert.ok(extraPercent(report) <= 2.2, `${extraPercent(report)} % extra`);
    }
  });

  for (const options of [{ hedge: {} }, { hedge: { percentile: 95 } }, { hedge: { delayMs: 10 } }] as const) {
    it(`never adds more than 2.5 % in ten seconds, also when all is 20 x as slow: ${JSON.stringify(options)}`, async () => {
      const faults = [
        { kind: 'slower', times: 20, servers: [...Array(20).keys()], fromMs: 12_000, untilMs: 30_000 },
      ] as const;
      for (const report of await run({ ...withOptions(LEAVES, options), faults }, [1, 2])) {
        const attempts = report.servers.reduce<number[]>((sums, { attemptsBySecond }) => {
          attemptsBySecond.forEach((count, second) => {
            sums[second] = (sums[second] ?? 0) + count;
          });
          return sums;
        }, []);
        for (let from = 0; from + 10 <= 40; from++) {
          const sent = attempts.slice(from, from + 10).reduce((sum, count) => sum + count, 0);
          const { calls } = report.between(from * 1_000, (from + 10) * 1_000);
          assert.ok(sent / calls <= 1.025, `${sent} attempts of ${calls} calls from second ${from} on`);
        }
      }
    });
  }
});

for (const count of [3, 7]) {
  describe(`hedging where one of ${count} nodes is three times as slow`, function () {
    this.timeout(120_000);
    const pool: Simulation = {
      clients: { count: 5, perSecond: 100 * count, options: { hedge: {} } },
      servers: { count, slots: 4, work: 20 },
      durationMs: 30_000,
      warmUpMs: 10_000,
    };
    const faults = [{ kind: 'slower', servers: 0, times: 3 }] as const;

    it('keeps p99 below twice that of a healthy pool, for 5 % more calls at most', async () => {
      const seeds = [1, 2, 3, 4, 5];
      const healthy = (await run(pool, seeds)).map(({ p99Ms }) => p99Ms);
      for (const [index, report] of (await run({ ...pool, faults }, seeds)).entries()) {
        assert.ok(
          report.p99Ms <= 2 * healthy[index]!,
          `p99 is ${report.p99Ms} ms, ${healthy[index]} when all are well`,
        );
        assert.ok(extraPercent(report) <= 5, `${extraPercent(report)} % extra`);
      }
    });
  });
}
