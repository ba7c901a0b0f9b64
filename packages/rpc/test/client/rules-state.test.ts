import assert from 'node:assert/strict';
import type { ClientOptions } from '@org/rpc-client';
import type { RulePolicy, ServerRules } from '@org/rpc-core';
import { ruleModes } from '@org/rpc-core/internal';
import { Town, TownScene } from './town-scene.js';

/** How a policy is tried as a rule. */
interface Case {
  readonly nodes: number;
  readonly client?: ClientOptions;
  /** Other rules that are on all the time. */
  readonly beside?: object;
  /** What the rule says. */
  readonly values: object;
  /** Whether that is in force: what shows is done, and the answer is the same each time. */
  readonly isInForce: (scene: TownScene) => Promise<boolean>;
  /** Left out where a dark rule tells nothing. */
  readonly tells?: true;
  /** What it says next, with another number. */
  readonly next: object;
  /** Makes state under the first values, has the next ones come into force, and shows that the state is still there. */
  readonly keeps: (scene: TownScene, next: () => Promise<void>) => Promise<void>;
}

const SINGLE = { retry: false } as const;

/** What clients do by rules. */
type ClientPolicy = Exclude<RulePolicy, keyof ServerRules>;

const CASES: Readonly<Record<ClientPolicy, Case>> = {
  timeout: {
    nodes: 1,
    values: { timeoutMs: 400 },
    tells: true,
    isInForce: async (scene) => {
      scene.do('hold');
      return (await scene.call()).afterMs < 1_000;
    },
    next: { timeoutMs: 300 },
    keeps: async (scene, next) => {
      scene.do('hold');
      const before = await scene.begin();
      await next();
      const after = await scene.begin();
      await scene.pass(1_000);
      // What has begun has the time that it began with.
      assert.deepEqual([before.afterMs, after.afterMs], [400, 300]);
    },
  },
  retry: {
    nodes: 3,
    values: { max: 1 },
    tells: true,
    isInForce: async (scene) => {
      scene.do('fail');
      await scene.call();
      return scene.seen.length === 2;
    },
    next: { max: 0 },
    keeps: async (scene, next) => {
      scene.do('hold');
      await scene.begin({ attemptTimeoutMs: 250 });
      assert.equal(scene.seen.length, 1);
      const { left } = scene.state.retryBudget!;
      await next();
      assert.deepEqual([scene.state.retryBudget!.left, scene.state.methods['go']!.retries], [left, 0]);
      await scene.pass(1_000);
      assert.equal(scene.seen.length, 1, 'what fails from now on goes by the other number');
    },
  },
  hedge: {
    nodes: 2,
    values: { delayMs: 10, maxPercent: 0 },
    tells: true,
    isInForce: async (scene) => {
      scene.do('hold');
      await scene.begin();
      await scene.pass(50);
      await scene.release();
      return scene.seen.length === 2;
    },
    next: { delayMs: 20, maxPercent: 0 },
    keeps: async (scene, next) => {
      scene.do('hold');
      // Two are there from the start, and none is earned.
      for (let i = 0; i < 3; i++) await scene.begin();
      await scene.pass(15);
      assert.equal(scene.seen.length, 5);
      await next();
      await scene.begin();
      await scene.pass(50);
      assert.equal(scene.seen.length, 6, 'what is used up is not there again');
    },
  },
  throttle: {
    nodes: 1,
    values: { minCalls: 1 },
    tells: true,
    isInForce: async (scene) => {
      scene.do('refuse');
      await scene.ends(40, SINGLE);
      return scene.seen.length < 40;
    },
    next: { minCalls: 1, maxPercent: 50 },
    keeps: async (scene, next) => {
      scene.do('refuse');
      await scene.ends(40, SINGLE);
      assert.ok(scene.state.methods['go']!.throttledShare > 0.8);
      await next();
      assert.equal(scene.state.methods['go']!.throttledShare, 0.5, 'by what is counted already');
    },
  },
  fallback: {
    nodes: 1,
    values: { value: 'first' },
    tells: true,
    isInForce: async (scene) => {
      scene.do('fail');
      return (await scene.call(SINGLE)).end === 'first';
    },
    next: { value: 'second' },
    keeps: async (scene, next) => {
      scene.do('hold');
      const before = await scene.begin({ timeoutMs: 300 });
      await next();
      const after = await scene.begin({ timeoutMs: 300 });
      await scene.pass(1_000);
      assert.deepEqual([before.end, after.end], ['first', 'second']);
    },
  },
  retryLater: {
    nodes: 0,
    values: { max: 2 },
    tells: true,
    isInForce: async (scene) => (await scene.call({}, 'note')).end === 'done',
    next: { max: 1 },
    keeps: async (scene, next) => {
      await scene.call({}, 'note');
      await scene.call({}, 'note');
      await next();
      assert.equal(scene.state.keptCalls!.calls, 2);
      assert.equal((await scene.call({}, 'note')).end, 'RESOURCE_EXHAUSTED');
      await scene.open(1);
      await scene.pass(6_000);
      assert.deepEqual([scene.state.keptCalls!.sent, scene.state.keptCalls!.dropped], [2, 0]);
    },
  },
  mirror: {
    nodes: 4,
    beside: { route: { mode: 'on', routes: [{ name: 'left', to: { tags: { side: 'left' } } }] } },
    values: { maxInFlight: 1, callPercent: 100, to: { tags: { side: 'right' } } },
    tells: true,
    isInForce: async (scene) => {
      await scene.call();
      return scene.seen.length === 2;
    },
    next: { maxInFlight: 2, callPercent: 100, to: { tags: { side: 'right' } } },
    keeps: async (scene, next) => {
      for (const id of ['c', 'd']) scene.deeds.set(id, 'hold');
      const mirrors = () => scene.seen.filter((id) => id >= 'c').length;
      await scene.ends(3);
      assert.equal(mirrors(), 1);
      await next();
      await scene.ends(3);
      assert.equal(mirrors(), 2, 'one more, beside the one that is under way');
    },
  },
  fault: {
    nodes: 1,
    values: { delayMs: 500 },
    tells: true,
    isInForce: async (scene) => (await scene.call()).afterMs >= 500,
    next: { delayMs: 300 },
    keeps: async (scene, next) => {
      const before = await scene.begin();
      await next();
      const after = await scene.begin();
      await scene.pass(1_000);
      assert.deepEqual([before.afterMs, after.afterMs], [500, 300]);
    },
  },
  rateLimit: {
    nodes: 1,
    values: { perSecond: 0.01, burst: 3, wait: false },
    tells: true,
    isInForce: async (scene) => (await scene.ends(4)).at(-1) === 'RESOURCE_EXHAUSTED',
    next: { perSecond: 0.001, burst: 3, wait: false },
    keeps: async (scene, next) => {
      await scene.ends(2);
      await next();
      assert.deepEqual(await scene.ends(2), ['a', 'RESOURCE_EXHAUSTED']);
    },
  },
  concurrency: {
    nodes: 1,
    values: { max: 1, queue: 1 },
    tells: true,
    isInForce: async (scene) => {
      scene.do('hold');
      for (let i = 0; i < 3; i++) await scene.begin();
      const reached = scene.seen.length;
      await scene.release();
      await scene.release();
      return reached === 1;
    },
    next: { max: 2, queue: 1 },
    keeps: async (scene, next) => {
      scene.do('hold');
      for (let i = 0; i < 2; i++) await scene.begin({ timeoutMs: 5_000 });
      const before = scene.state.limits.concurrency!;
      assert.deepEqual([before.active, before.waiting], [1, 1]);
      await next();
      const after = scene.state.limits.concurrency!;
      assert.deepEqual([after.max, after.active, after.waiting], [2, 2, 0], 'who waits has the new place');
    },
  },
  retryBudget: {
    nodes: 2,
    values: { repeatPercent: 0, minPerSecond: 0 },
    tells: true,
    isInForce: async (scene) => {
      scene.do('fail');
      await scene.call();
      return scene.seen.length === 1;
    },
    next: { repeatPercent: 10, minPerSecond: 0 },
    keeps: async (scene, next) => {
      await scene.rule({ retryBudget: { mode: 'on', repeatPercent: 50, minPerSecond: 0 } });
      await scene.ends(8);
      assert.equal(scene.state.retryBudget!.left, 4);
      await next();
      assert.equal(scene.state.retryBudget!.left, 4, 'what was earned');
    },
  },
  breaker: {
    nodes: 3,
    client: { ejection: false },
    values: { minCalls: 5 },
    tells: true,
    isInForce: async (scene) => {
      scene.deeds.set('a', 'fail');
      for (let i = 0; i < 6; i++) await scene.client.broadcast(Town, 'go', [], SINGLE);
      return scene.state.nodes.some(({ breakers }) => breakers.length > 0);
    },
    next: { minCalls: 50, windowMs: 60_000, openMs: 60_000 },
    keeps: async (scene, next) => {
      for (const id of ['a', 'b']) scene.deeds.set(id, 'fail');
      for (let i = 0; i < 6; i++) await scene.client.broadcast(Town, 'go', [], SINGLE);
      const open = () => scene.state.nodes.map(({ breakers }) => breakers.length);
      assert.deepEqual(open(), [1, 1, 0]);
      await next();
      assert.deepEqual(open(), [1, 1, 0]);
      scene.do('answer');
      for (let i = 0; i < 100; i++) {
        await scene.ends(1);
        await scene.pass(100);
      }
      assert.deepEqual(open(), [0, 0, 0], 'after the trial of which it was said when it opened');
    },
  },
  ejection: {
    nodes: 3,
    client: { breaker: false },
    values: { consecutive: 2 },
    tells: true,
    isInForce: async (scene) => {
      scene.deeds.set('a', 'fail');
      for (let i = 0; i < 2; i++) await scene.client.broadcast(Town, 'go', [], SINGLE);
      return scene.state.nodes.some(({ ejected }) => ejected !== undefined);
    },
    next: { consecutive: 20 },
    keeps: async (scene, next) => {
      scene.deeds.set('a', 'fail');
      for (let i = 0; i < 2; i++) await scene.client.broadcast(Town, 'go', [], SINGLE);
      const ejected = () => scene.state.nodes.filter((node) => node.ejected !== undefined).map((node) => node.instance);
      assert.deepEqual(ejected(), ['a']);
      await next();
      assert.deepEqual(ejected(), ['a']);
      scene.seen.length = 0;
      await scene.ends(10);
      assert.ok(!scene.seen.includes('a'));
    },
  },
  balancer: {
    nodes: 3,
    values: { picker: 'roundRobin' },
    tells: true,
    isInForce: async (scene) => {
      // One of them is so busy that no other picker would take it in its turn.
      scene.do('hold');
      for (let i = 0; i < 30; i++) await scene.begin({ hashKey: 'key', timeoutMs: 5_000 });
      scene.do('answer');
      await scene.release();
      scene.seen.length = 0;
      return new Set(await scene.ends(3, { hashKey: 'key' })).size === 3 && scene.state.picker === 'roundRobin';
    },
    next: { picker: 'consistentHash' },
    keeps: async (scene, next) => {
      scene.do('hold');
      const held = [await scene.begin({ timeoutMs: 5_000 }), await scene.begin({ timeoutMs: 5_000 })];
      const known = () => scene.state.nodes.map(({ inFlight, connection }) => [inFlight, connection]);
      const before = known();
      const dials = scene.dials.length;
      await next();
      assert.deepEqual([known(), scene.dials.length, scene.state.picker], [before, dials, 'consistentHash']);
      scene.do('answer');
      await scene.release();
      assert.ok(held.every(({ end }) => end !== undefined));
      assert.equal(new Set(await scene.ends(9, { hashKey: 'key' })).size, 1);
    },
  },
  subset: {
    nodes: 4,
    values: { size: 2 },
    tells: true,
    isInForce: async (scene) => {
      await listAlike(scene);
      await scene.ends(20);
      return scene.state.nodes.length === 2 && new Set(scene.seen).size === 2;
    },
    next: { size: 3 },
    keeps: async (scene, next) => {
      const used = () => scene.state.nodes.map(({ instance }) => instance);
      await listAlike(scene);
      scene.do('hold');
      const held = [];
      while (new Set(scene.seen).size < 2) held.push(await scene.begin({ timeoutMs: 5_000 }));
      const two = used();
      await next();
      await scene.pass(100);
      const three = used();
      assert.equal(three.length, 3);
      assert.ok(two.every((id) => three.includes(id)));
      await scene.rule({ subset: { mode: 'on', size: 1 } });
      assert.equal(used().length, 1);
      scene.do('answer');
      assert.deepEqual(await scene.ends(3), [used()[0], used()[0], used()[0]]);
      await scene.release();
      assert.deepEqual(new Set(held.map(({ end }) => end)), new Set(two), 'what it began elsewhere is finished');
      await scene.rule({});
      await scene.pass(100);
      assert.equal(used().length, 4);
    },
  },
  weight: {
    nodes: 2,
    values: { endpoints: { a: 0 } },
    tells: true,
    isInForce: async (scene) => {
      await scene.ends(20);
      return !scene.seen.includes('a');
    },
    next: { endpoints: { a: 0, b: 50 } },
    keeps: async (scene, next) => {
      scene.do('hold');
      const held = await scene.begin({ timeoutMs: 5_000 });
      const before = scene.state.nodes.map(({ instance, inFlight, latencyMs }) => ({ instance, inFlight, latencyMs }));
      await next();
      const after = scene.state.nodes.map(({ instance, inFlight }) => ({ instance, inFlight }));
      assert.deepEqual(
        after,
        before.map(({ instance, inFlight }) => ({ instance, inFlight })),
      );
      assert.deepEqual(scene.state.nodes.map(({ weight }) => weight).sort(), [0, 50]);
      await scene.release();
      assert.equal(held.end, 'b');
    },
  },
  route: {
    nodes: 4,
    beside: { weight: { mode: 'on', endpoints: { c: 0, d: 0 } } },
    values: { routes: [{ name: 'right', share: 30, by: 'hashKey', to: { tags: { side: 'right' } } }] },
    tells: true,
    isInForce: async (scene) => (await keysOnTheRight(scene)).length > 0,
    next: { routes: [{ name: 'right', share: 60, by: 'hashKey', to: { tags: { side: 'right' } } }] },
    keeps: async (scene, next) => {
      const before = await keysOnTheRight(scene);
      await next();
      const after = await keysOnTheRight(scene);
      assert.ok(before.length > 0 && after.length > before.length, `${before.length}, then ${after.length}`);
      assert.deepEqual(
        before.filter((key) => !after.includes(key)),
        [],
        'who was led there stays',
      );
    },
  },
  switch: {
    nodes: 1,
    values: { methods: { go: { enabled: false, message: 'closed' } } },
    tells: true,
    isInForce: async (scene) => (await scene.call()).end === 'UNAVAILABLE',
    next: { methods: { go: { enabled: false, message: 'still closed' } } },
    keeps: async (scene, next) => {
      await scene.rule({});
      scene.do('hold');
      const held = await scene.begin({ timeoutMs: 5_000 });
      await next();
      assert.equal((await scene.call()).end, 'UNAVAILABLE');
      await scene.release();
      assert.equal(held.end, 'a', 'a call that has begun goes on');
    },
  },
};

/** Has four instances listed that are alike, so that parts are of all of them and not of each side. */
function listAlike(scene: TownScene): Promise<void> {
  scene.areAlike = true;
  return scene.list('a', 'b', 'c', 'd');
}

/** The keys whose calls go to the right side. */
async function keysOnTheRight(scene: TownScene): Promise<string[]> {
  const keys: string[] = [];
  for (let i = 0; i < 30; i++) {
    const [id] = await scene.ends(1, { hashKey: `key-${i}` });
    if (id! >= 'c') keys.push(`key-${i}`);
  }
  return keys;
}

/** The lowest percentage with which a rule of this policy is for the client. */
function firstPercent(policy: ClientPolicy): number {
  for (let hundredths = 1; ; hundredths++) {
    const percent = Number((hundredths / 100).toFixed(2));
    const document = { [policy]: { mode: 'on', percent } } as never;
    if (ruleModes('client', document, 'me', 'town')[policy] === 'on') return percent;
  }
}

describe('a rule of', () => {
  for (const policy of Object.keys(CASES) as ClientPolicy[]) {
    const { nodes, client, beside, values, next, tells, isInForce, keeps } = CASES[policy];

    /** Whether a rule with this scope is in force, and what it told if it is dark. */
    const tried = async (scope: object): Promise<[isInForce: boolean, told: number]> => {
      const scene = await new TownScene(client).open(nodes);
      await scene.rule({ ...beside, [policy]: { ...scope, ...values } });
      const result = await isInForce(scene);
      const told = scene.state.rules!.policies[policy].wouldApply;
      await scene.close();
      return [result, told];
    };

    it(`${policy} is in force where it is on, for the clients that it is for, and changes nothing where it is off or dark`, async () => {
      assert.deepEqual(await tried({ mode: 'on' }), [true, 0]);
      assert.deepEqual(await tried({ mode: 'off' }), [false, 0]);
      const percent = firstPercent(policy);
      assert.deepEqual(await tried({ mode: 'on', percent: Number((percent - 0.01).toFixed(2)) }), [false, 0]);
      assert.deepEqual(await tried({ mode: 'on', percent }), [true, 0]);
      const [isApplied, told] = await tried({ mode: 'dark' });
      assert.deepEqual([isApplied, told > 0], [false, tells === true]);
    });

    it(`${policy} keeps its state when a number of it is changed`, async () => {
      const scene = await new TownScene(client).open(nodes);
      await scene.rule({ ...beside, [policy]: { mode: 'on', ...values } });
      await keeps(scene, () => scene.rule({ ...beside, [policy]: { mode: 'on', ...next } }));
      await scene.close();
    });
  }
});
