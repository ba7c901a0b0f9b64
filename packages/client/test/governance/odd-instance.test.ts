import assert from 'node:assert/strict';
import { type SimulatedFault, type Simulation, type SimulationReport, simulate, uniformTime } from '@org/rpc-testkit';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Three nodes that answer within 20 ms, of which the first begins to answer otherwise after two seconds. */
function pool(fault: Partial<SimulatedFault>, servers: number | readonly number[] = 0): Simulation {
  return {
    clients: { count: 2, perSecond: 200 },
    servers: { count: 3, work: uniformTime(15, 25) },
    faults: [{ kind: 'failing', servers, fromMs: 2_000, ...fault }],
    durationMs: 15_000,
  };
}

/** The share of the calls after the first two seconds of the fault that failed, in percent. */
function failedAfter(report: SimulationReport): number {
  const { failures, calls } = report.between(4_000, 15_000);
  return (100 * failures) / calls;
}

function attemptsAfter(report: SimulationReport, server: number): number {
  return report.servers[server]!.attemptsBySecond.slice(4, 15).reduce((sum, count) => sum + count, 0);
}

describe('one instance of three that answers otherwise than its peers', function () {
  this.timeout(60_000);

  for (const code of ['UNIMPLEMENTED', 'UNAUTHENTICATED', 'PERMISSION_DENIED'] as const) {
    it(`fails no call with ${code}: what was refused goes elsewhere, for nothing, and others get the next ones`, async () => {
      for (const seed of SEEDS) {
        for (const idempotent of [true, false]) {
          const options = { retry: false } as const;
          const base = pool({ code });
          const report = await simulate({
            ...base,
            seed,
            clients: { ...base.clients, options },
            methods: { call: { idempotent } },
          });
          assert.equal(report.failures, 0, `seed ${seed}`);
          const attempts = attemptsAfter(report, 0);
          assert.ok(attempts <= 0.01 * 11 * 200, `seed ${seed}: ${attempts} attempts there`);
        }
      }
    });
  }

  it('is avoided for that method alone', async () => {
    const methods = { call: {}, other: {} };
    const report = await simulate({ ...pool({ code: 'UNIMPLEMENTED', methods: ['call'] }), methods });
    assert.equal(report.failures, 0);
    const share = attemptsAfter(report, 0) / (11 * 100);
    assert.ok(share > 0.28 && share < 0.5, `${share} of the calls of the other method went there`);
  });

  it('fails no call where most lack a method, as in a deploy half done', async () => {
    for (const seed of SEEDS) {
      const base = pool({ code: 'UNIMPLEMENTED', fromMs: 0 }, [0, 1, 2, 3]);
      const report = await simulate({ ...base, servers: { ...base.servers, count: 6 }, seed });
      assert.equal(report.between(2_000, 15_000).failures, 0, `seed ${seed}`);
    }
  });

  it('is taken as soon as it answers as they do', async () => {
    const report = await simulate({ ...pool({ code: 'UNIMPLEMENTED', untilMs: 20_000 }), durationMs: 60_000 });
    const after = report.servers[0]!.attemptsBySecond.slice(50).reduce((sum, count) => sum + count, 0);
    assert.ok(after > 0.8 * 10 * 66, `${after} attempts in ten seconds`);
  });

  it('is not avoided where all answer alike, and then few calls are repeated', async () => {
    const report = await simulate(pool({ code: 'UNAUTHENTICATED' }, [0, 1, 2]));
    assert.ok(failedAfter(report) > 99);
    assert.ok(report.attemptsPerCall < 1.05, `${report.attemptsPerCall} attempts a call`);
    for (const server of [0, 1, 2]) {
      const share = attemptsAfter(report, server) / (11 * 200);
      assert.ok(share > 0.28 && share < 0.4, `server ${server} got ${share}`);
    }
  });

  it('is not avoided where a share of the calls is refused everywhere', async () => {
    for (const seed of SEEDS) {
      const report = await simulate({ ...pool({ code: 'PERMISSION_DENIED', share: 0.3 }, [0, 1, 2]), seed });
      const counts = [0, 1, 2].map((server) => attemptsAfter(report, server));
      const all = counts.reduce((sum, count) => sum + count, 0);
      for (const count of counts)
        assert.ok(count > 0.25 * all && count < 0.42 * all, `seed ${seed}: ${counts.join(', ')}`);
    }
  });
});
