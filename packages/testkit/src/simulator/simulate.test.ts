import assert from 'node:assert/strict';
import { uniformTime } from './service-time.js';
import { type Simulation, simulate } from './simulate.js';
import { percentile } from './simulate-calls.js';

const POOL: Simulation = {
  clients: { count: 4, perSecond: 400 },
  servers: { count: 4, slots: 2, work: 10 },
};

describe('simulate', function () {
  this.timeout(30_000);

  it('gives the same report for the same seed, and another for another', async () => {
    const [first, again, other] = [await simulate(POOL), await simulate(POOL), await simulate({ ...POOL, seed: 2 })];
    assert.deepEqual(first.latenciesMs, again.latenciesMs);
    assert.notDeepEqual(first.latenciesMs, other.latenciesMs);
    assert.ok(Math.abs(first.calls - 3_600) < 250, `${first.calls} calls`);
    assert.equal(first.failures, 0);
    assert.match(String(first), /^\d+ calls, 0 failed, 1\.000 attempts a call\np50 /);
  });

  it('queues what finds no slot, as the formula of Erlang says', async () => {
    // One server with one slot, 80 % busy, all alike random: the mean time in the system is 1 / (1 - 0.8) of the work.
    const report = await simulate({
      clients: { perSecond: 80, options: { timeoutMs: 60_000 } },
      servers: { count: 1, slots: 1, work: 10, networkMs: 0 },
      durationMs: 600_000,
    });
    const mean = report.latenciesMs.reduce((sum, ms) => sum + ms, 0) / report.latenciesMs.length;
    assert.ok(Math.abs(mean - 50) < 10, `${mean} ms on average`);
    assert.ok(report.servers[0]!.queuedMax > 10);
  });

  it('runs the shipped stack: what a failing server answers is repeated elsewhere, and it is avoided', async () => {
    const faults = [{ kind: 'failing', servers: 0, fromMs: 3_000 }] as const;
    const report = await simulate({ ...POOL, faults });
    assert.equal(report.failures, 0);
    assert.ok(report.servers[0]!.attempts < 0.5 * report.servers[1]!.attempts);
    const calls: Simulation = { ...POOL, faults, clients: { ...POOL.clients, options: { retry: false } } };
    const once = await simulate(calls);
    assert.ok(once.failures > 0);
    assert.deepEqual(once.byCode, { UNAVAILABLE: once.failures });
  });

  it('loses what a killed server was doing, and nothing else', async () => {
    const methods = { once: { idempotent: false } };
    const faults = [{ kind: 'killed', servers: 1, fromMs: 4_000, untilMs: 6_000 }] as const;
    let lost = 0;
    for (const seed of [1, 2, 3, 4, 5]) {
      const report = await simulate({ ...POOL, methods, faults, seed });
      lost += report.failures;
      assert.equal(report.between(4_100, 20_000).failures, 0);
      assert.equal(report.servers[1]!.attemptsBySecond[5], 0);
      assert.ok(report.servers[1]!.attemptsBySecond[8]! > 10);
    }
    assert.ok(lost > 0 && lost <= 20, `${lost} failed`);
  });

  it('lets a frozen server go on where it was, and keeps the clients of a disconnected one away', async () => {
    const frozen = await simulate({
      ...POOL,
      clients: { ...POOL.clients, options: { timeoutMs: 10_000, retry: false } },
      faults: [{ kind: 'frozen', servers: 2, fromMs: 4_000, untilMs: 5_000 }],
    });
    assert.equal(frozen.failures, 0);
    assert.ok(percentile(frozen.between(3_990, 4_100), 0.99) > 800);
    const faults = [{ kind: 'disconnected', servers: 2, fromMs: 4_000 }] as const;
    const apart = await simulate({ ...POOL, faults });
    assert.equal(apart.failures, 0);
    assert.equal(apart.servers[2]!.attemptsBySecond[6] ?? 0, 0);
  });

  it('lets a server that was frozen for long greet those who have connected meanwhile', async () => {
    for (const idempotent of [true, false]) {
      const report = await simulate({
        ...{ clients: { count: 3, perSecond: 150 }, servers: { count: 3, work: 5 }, methods: { call: { idempotent } } },
        faults: [{ kind: 'frozen', servers: 0, fromMs: 2_000, untilMs: 7_000 }],
        durationMs: 12_000,
      });
      // Its connections were given up and made anew while it stood still.
      const { attemptsBySecond } = report.servers[0]!;
      assert.ok((attemptsBySecond[idempotent ? 8 : 11] ?? 0) > 20, `${attemptsBySecond}`);
    }
  });

  it('makes servers slower, wholly or in part, or now and then', async () => {
    const work = uniformTime(9, 11);
    const base: Simulation = { clients: { perSecond: 50 }, servers: { count: 1, work, networkMs: 0 } };
    const slower = await simulate({ ...base, faults: [{ kind: 'slower', servers: 0, times: 4 }] });
    assert.ok(slower.p50Ms > 35 && slower.p50Ms < 45, `p50 ${slower.p50Ms}`);
    const partly = await simulate({ ...base, faults: [{ kind: 'slow', servers: 0, ms: 300, share: 0.1 }] });
    assert.ok(partly.p50Ms < 12 && percentile(partly, 0.95) === 300);
    const flapping = await simulate({ ...base, faults: [{ kind: 'slow', servers: 0, ms: 300, flapMs: 1_000 }] });
    assert.ok(percentile(flapping.between(3_000, 4_000), 0.5) < 12);
    assert.ok(percentile(flapping.between(4_000, 5_000), 0.5) === 300);
  });

  it('lets sequential clients wait for each answer, and tells its progress', async () => {
    const seconds: number[] = [];
    const report = await simulate({
      clients: { count: 2, perSecond: 1_000, arrivals: 'sequential' },
      servers: { count: 2, work: uniformTime(10, 10), networkMs: 0 },
      durationMs: 3_000,
      warmUpMs: 0,
      onProgress: ({ atMs }) => seconds.push(atMs),
    });
    // One call at a time of 10 ms each: a hundred a second a client, however many were asked for.
    assert.ok(report.calls > 590 && report.calls <= 602, `${report.calls} calls`);
    assert.deepEqual(seconds, [1_000, 2_000, 3_000]);
  });

  it('lets traffic change', async () => {
    const clients = { perSecond: (atMs: number) => (atMs < 5_000 ? 0.001 : 200) };
    const { servers } = await simulate({ clients, servers: { count: 1 } });
    const { attemptsBySecond } = servers[0]!;
    assert.equal(
      attemptsBySecond.slice(0, 5).reduce((sum, count) => sum + count, 0),
      0,
    );
    const later = attemptsBySecond.slice(5).reduce((sum, count) => sum + count, 0);
    assert.ok(Math.abs(later - 1_000) < 120, `${later} calls`);
  });

  it('lets an operator set rules meanwhile, by the tags and ids of servers', async () => {
    const to = { tags: { version: '2' } };
    const route = { mode: 'on', routes: [{ name: 'all', to }] };
    const weight = { mode: 'on', endpoints: { 'server-0': 0 } };
    const { servers, failures } = await simulate({
      ...POOL,
      servers: { ...POOL.servers, tags: [{ version: '1' }, { version: '2' }] },
      rules: [
        { fromMs: 3_000, document: { schemaVersion: 1, route } },
        { fromMs: 6_000, document: { schemaVersion: 1, weight } },
      ],
    });
    const at = (second: number): number[] => servers.map(({ attemptsBySecond }) => attemptsBySecond[second] ?? 0);
    assert.ok(at(2).every((count) => count > 50));
    assert.ok(
      at(4).every((count, index) => (index % 2 === 0 ? count === 0 : count > 50)),
      `${at(4)}`,
    );
    assert.ok(
      at(8).every((count, index) => (index === 0 ? count === 0 : count > 50)),
      `${at(8)}`,
    );
    assert.equal(failures, 0);
  });

  it('makes calls that nobody answers, and calls to every server', async () => {
    const few: Simulation = { clients: { perSecond: 50 }, servers: { count: 3, work: uniformTime(5, 5) }, warmUpMs: 0 };
    const told = await simulate({ ...few, methods: { tell: { kind: 'notify' } } });
    assert.equal(told.failures, 0);
    assert.ok(told.p99Ms < 1, `${told.p99Ms} ms`);
    assert.equal(
      told.servers.reduce((sum, { attempts }) => sum + attempts, 0),
      told.calls,
    );
    const all = await simulate({
      ...few,
      methods: { clear: { kind: 'broadcast' } },
      faults: [{ kind: 'failing', servers: 1, code: 'INTERNAL', fromMs: 5_000 }],
    });
    for (const { attempts } of all.servers) assert.equal(attempts, all.calls);
    assert.equal(all.between(0, 5_000).failures, 0);
    assert.equal(all.failures, all.between(5_000, 10_000).calls);
  });

  it('refuses what is out of bounds', async () => {
    await assert.rejects(
      simulate({ ...POOL, rules: [{ document: { schemaVersion: 1, retry: { mode: 'on', max: 11 } } }] }),
      /^TypeError: simulate: rules: retry\.max must be/,
    );
    await assert.rejects(
      simulate({ ...POOL, clients: { perSecond: () => -1 } }),
      /simulate: clients\.perSecond must be/,
    );
    await assert.rejects(simulate({ ...POOL, servers: { count: 0 } }), /simulate: servers\.count must be/);
    await assert.rejects(simulate({ ...POOL, faults: [{ kind: 'frozen', servers: 4 }] }), /a fault: servers must be/);
  });
});
