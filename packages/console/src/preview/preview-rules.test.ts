import assert from 'node:assert/strict';
import type { RulesDocument } from '@org/rpc-core';
import { latencyBucket, readRules, ruleModes } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { seededRandom } from '@org/rpc-testkit';
import { emptyFlow, type Flow, type PairCalls } from '../traffic/traffic.js';
import { previewRules } from './preview-rules.js';

interface Call {
  readonly method: string;
  readonly caller: string;
  readonly instance: string;
  readonly ms: number;
}

const ENDPOINTS = new Map(
  ['one', 'two'].map((id, index): [string, Endpoint] => [
    id,
    { id, host: '10.0.0.1', port: 4_000 + index, weight: 100, state: 'up', zone: index === 0 ? 'a' : 'b' },
  ]),
);

/** Single calls, and the same calls as servers count them. */
function calls(seed: number): { readonly all: readonly Call[]; readonly past: readonly PairCalls[] } {
  const random = seededRandom(seed);
  const any = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const all = Array.from({ length: 20_000 }, (): Call => {
    // Realistic latencies: most short, a long tail.
    const ms = 2 * Math.exp(1.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
    return {
      method: any(['find', 'buy']),
      caller: `caller-${Math.floor(random() * 40)}`,
      instance: any(['one', 'two']),
      ms,
    };
  });
  const flows = new Map<string, PairCalls>();
  for (const { method, caller, instance, ms } of all) {
    const key = JSON.stringify([method, caller, instance]);
    const found = flows.get(key) ?? {
      pair: { service: 'shop', method, kind: 'unary', caller, instance },
      flow: emptyFlow(),
      slots: new Map(),
    };
    flows.set(key, found);
    count(found.flow, ms);
  }
  return { all, past: [...flows.values()] };
}

function count(flow: Flow, ms: number): void {
  flow.calls++;
  const bucket = latencyBucket(ms);
  flow.latency.set(bucket, (flow.latency.get(bucket) ?? 0) + 1);
}

function document(rules: object): RulesDocument {
  return readRules({ schemaVersion: 1, version: 1, ...rules });
}

function preview(rules: object, past: readonly PairCalls[]) {
  return previewRules('shop', document(rules), past, ENDPOINTS);
}

describe('what rules would have meant', () => {
  it('is within 2 % of the truth for a timeout, whatever it is and for how many clients', () => {
    for (let seed = 1; seed <= 2; seed++) {
      const { all, past } = calls(seed);
      for (const timeoutMs of [1, 2, 3, 5, 10])
        for (const percent of [100, 25]) {
          const timeout = { mode: 'on', percent, timeoutMs, methods: { buy: { timeoutMs: 2 * timeoutMs } } } as const;
          const [row] = preview({ timeout }, past);
          const callers = new Set(past.map(({ pair }) => pair.caller));
          for (const caller of callers)
            if (ruleModes('client', { timeout } as never, caller, 'shop').timeout !== 'on') callers.delete(caller);
          const isFor = (caller: string) => callers.has(caller);
          const truth = all.filter(
            (call) => isFor(call.caller) && call.ms > timeoutMs * (call.method === 'buy' ? 2 : 1),
          );
          const difference = Math.abs(row!.affected! - truth.length) / truth.length;
          assert.ok(difference <= 0.02, `${seed}: ${row!.affected} for ${truth.length} beyond ${timeoutMs} ms`);
          assert.equal(row!.calls, all.filter(({ caller }) => isFor(caller)).length);
        }
    }
  });

  it('is exact for what goes by method, by instance and by caller', () => {
    const { all, past } = calls(7);
    const having = (wanted: Partial<Call>) =>
      all.filter((call) => Object.entries(wanted).every(([key, value]) => call[key as keyof Call] === value)).length;
    const rows = preview(
      {
        switch: { mode: 'dark', methods: { buy: { enabled: false }, find: { enabled: true } } },
        weight: { mode: 'on', endpoints: { one: 10, '10.0.0.1:4001': 100 } },
        route: { mode: 'on', routes: [{ name: 'r', match: { methods: ['find'] }, to: { zone: 'b' } }] },
        retry: { mode: 'off', max: 0 },
      },
      past,
    );
    assert.deepEqual(Object.fromEntries(rows.map(({ policy, affected }) => [policy, affected])), {
      weight: having({ instance: 'one' }),
      route: having({ method: 'find', instance: 'one' }),
      switch: having({ method: 'buy' }),
    });
    const [, , switched] = rows;
    assert.deepEqual(switched!.methods, { buy: having({ method: 'buy' }) });
    assert.equal(switched!.callers['caller-3'], having({ method: 'buy', caller: 'caller-3' }));
  });

  it('is a share of the calls for what goes by chance', () => {
    const { all, past } = calls(5);
    const mirror = { mode: 'on', callPercent: 10, to: { zone: 'b' }, methods: { buy: { callPercent: 50 } } };
    const fault = { mode: 'on', errorPercent: 20, dropPercent: 5 };
    const buys = all.filter(({ method }) => method === 'buy').length;
    const rows = preview({ mirror, fault }, past).map(({ policy, affected }) => [policy, Math.round(affected!)]);
    assert.deepEqual(rows, [
      ['mirror', Math.round((all.length - buys) * 0.1 + buys * 0.5)],
      ['fault', Math.round(all.length * 0.25)],
    ]);
  });

  it('says of a rule that is in force as it stands that it is', () => {
    const { past } = calls(3);
    const rules = { retry: { mode: 'on', max: 0 }, timeout: { mode: 'on', methods: { buy: { timeoutMs: 5 } } } };
    const others = { ...rules, timeout: { mode: 'on', methods: { buy: { timeoutMs: 6 } } } };
    const inForce = (current: object | undefined) =>
      previewRules('shop', document(rules), past, ENDPOINTS, current && document(current)).map((row) => row.isInForce);
    assert.deepEqual(
      [inForce(rules), inForce(others), inForce(undefined)],
      [
        [true, true],
        [false, true],
        [false, false],
      ],
    );
  });

  it('says where it cannot tell, and counts no calls of other services', () => {
    const { past } = calls(3);
    const [ejection] = preview({ ejection: { mode: 'on', consecutive: 5 } }, past);
    assert.equal(ejection!.affected, undefined);
    assert.match(ejection!.meaning, /^not counted: only clients see .*dark/);
    const route = {
      mode: 'on',
      routes: [{ name: 'r', match: { metadata: { tenant: 'a' }, methods: ['buy'] }, to: { zone: 'b' } }],
    };
    const [led] = preview({ route }, past);
    assert.equal(led!.affected, undefined);
    const buys = past.reduce((sum, { pair, flow }) => sum + (pair.method === 'buy' ? flow.calls : 0), 0);
    assert.match(led!.meaning, new RegExp(`the route "r" goes by metadata.* at most ${buys} calls`));
    const shards = { by: 'hashKey', of: 4, in: [0] };
    const byShard = { mode: 'on', routes: [{ name: 's', match: { shards }, to: { instances: ['none'] } }] };
    const [quarter] = preview({ route: byShard }, past);
    assert.deepEqual([quarter!.affected, /spread evenly/.test(quarter!.meaning)], [20_000 / 4, true]);
    assert.equal(
      previewRules('stock', document({ timeout: { mode: 'on', timeoutMs: 1 } }), past, ENDPOINTS)[0]!.calls,
      0,
    );
  });

  it('counts the calls beyond a rate by whom it is for, a pause giving back the burst and no more', () => {
    // Ten seconds each: 100 calls a second, none, 40 a second; of two callers at two instances.
    const past = ['one', 'two'].flatMap((instance) =>
      ['web', 'jobs'].map((caller) => pairOf({ caller, instance, slots: { 10: 250, 12: 100 } })),
    );
    const beyond = (rules: object): number => preview(rules, past)[0]!.affected!;
    const own = { perSecond: 30, burst: 20 };
    const rate = { mode: 'on', ...own };
    // Each caller has 500 and 200 calls, of which 300 and the burst pass.
    assert.equal(beyond({ rateLimit: rate }), 2 * (500 - 320));
    // Each instance has as many.
    assert.equal(beyond({ serverRateLimit: rate }), 2 * (500 - 320));
    assert.equal(beyond({ callerRateLimit: { ...rate, perSecond: 20, burst: 1 } }), 4 * (250 - 201));
    assert.equal(beyond({ rateLimit: { mode: 'on', methods: { find: own } } }), 0);
    assert.equal(beyond({ rateLimit: { mode: 'on', methods: { buy: own } } }), 2 * (500 - 320));
    assert.equal(beyond({ rateLimit: { ...rate, perSecond: 1_000 } }), 0);
  });

  it('says how many calls ran at once on average where peaks would have to be known', () => {
    const past = [pairOf({ caller: 'web', instance: 'one', slots: { 10: 1_000 }, ms: 50 })];
    for (const policy of ['concurrency', 'serverConcurrency', 'callerConcurrency']) {
      const [row] = preview({ [policy]: { mode: 'on', max: 10 } }, past);
      assert.equal(row!.affected, undefined);
      assert.match(row!.meaning, /at most (4\.9|5\.[01])/);
    }
  });

  it('judges a throttle by what servers refused', () => {
    const past = [
      pairOf({ caller: 'web', instance: 'one', slots: { 10: 1_000 }, refused: 0.9 }),
      pairOf({ caller: 'jobs', instance: 'one', slots: { 10: 1_000 }, refused: 0.4 }),
    ];
    const [row] = preview({ throttle: { mode: 'on', multiplier: 2 } }, past);
    assert.deepEqual([Math.round(row!.affected!), Object.keys(row!.callers)], [799, ['web']]);
  });
});

/** Calls of `buy` by slot of ten seconds. */
function pairOf(options: {
  readonly caller: string;
  readonly instance: string;
  readonly slots: Readonly<Record<number, number>>;
  readonly ms?: number;
  /** The share that was refused. */
  readonly refused?: number;
}): PairCalls {
  const { caller, instance, ms = 1, refused = 0 } = options;
  const flow = emptyFlow();
  const slots = new Map<number, Flow>();
  for (const [slot, calls] of Object.entries(options.slots)) {
    const own = emptyFlow();
    for (let i = 0; i < calls; i++) for (const each of [own, flow]) count(each, ms);
    for (const each of [own, flow]) each.codes.set('RESOURCE_EXHAUSTED', calls * refused);
    slots.set(Number(slot), own);
  }
  return { pair: { service: 'shop', method: 'buy', kind: 'unary', caller, instance }, flow, slots };
}
