import assert from 'node:assert/strict';
import { type ClientOptions, configure, leastActive, roundRobin } from '@org/rpc-client';
import { readRules } from '@org/rpc-core/internal';
import { Town, TownScene } from './town-scene.js';

type ServiceSubset = Parameters<typeof configure<typeof Town>>[1]['subset'];

/** The methods that keep off the one instance of three where all of them fail, after so many failures of each. */
async function keptOff(options: ClientOptions, failures: number): Promise<readonly string[]> {
  const scene = await new TownScene({ ejection: false, ...options }).open(3);
  scene.deeds.set('a', 'fail');
  for (let i = 0; i < failures; i++)
    for (const method of ['go', 'buy'] as const) await scene.client.broadcast(Town, method, [], { retry: false });
  const { breakers } = scene.state.nodes.find(({ instance }) => instance === 'a')!;
  await scene.close();
  return breakers.map(({ method }) => method).sort();
}

describe('the breaker', () => {
  it('is for each method what is said of it, else of its service, else of the client', async () => {
    const of = (town: Parameters<typeof configure<typeof Town>>[1], breaker?: ClientOptions['breaker']) => ({
      breaker,
      services: [configure(Town, town)],
    });
    const few = { breaker: { minCalls: 5 } } as const;
    assert.deepEqual(await keptOff({}, 8), []);
    assert.deepEqual(await keptOff(few, 8), ['buy', 'go']);
    assert.deepEqual(await keptOff(of(few, false), 8), ['buy', 'go']);
    assert.deepEqual(await keptOff(of({ breaker: false }, { minCalls: 5 }), 8), []);
    assert.deepEqual(await keptOff(of({ methods: { go: few } }), 8), ['go']);
    assert.deepEqual(await keptOff(of({ ...few, methods: { go: { breaker: false } } }), 8), ['buy']);
  });

  it('is off for a client that says so', async () => {
    assert.deepEqual(await keptOff({ breaker: false }, 40), []);
    assert.deepEqual(await keptOff({}, 40), ['buy', 'go']);
  });
});

describe('the retry budget', () => {
  it('takes each value from the service where that gives it, and else from the client', async () => {
    const left = async (options: ClientOptions): Promise<number> => {
      const scene = await new TownScene(options).open(1);
      await scene.ends(20);
      const { retryBudget } = scene.state;
      await scene.close();
      return retryBudget!.left;
    };
    const services = [configure(Town, { retryBudget: { percent: 0 } })];
    assert.equal(await left({ services }), 1, 'what few calls may have besides');
    assert.equal(await left({ services, retryBudget: { minPerSecond: 0, percent: 50 } }), 0);
  });
});

describe('the part of the instances', () => {
  it('is what was said of the service, and else of the client; rules say how large it is, not which client this is', async () => {
    const used = async (options: ClientOptions, rules?: object): Promise<number> => {
      const scene = new TownScene(options);
      scene.areAlike = true;
      await scene.list('a', 'b', 'c', 'd');
      if (rules !== undefined) await scene.rule(rules);
      await scene.ends(1);
      const count = scene.state.nodes.length;
      await scene.close();
      return count;
    };
    const of = (subset: ServiceSubset) => ({ services: [configure(Town, { subset })] });
    assert.equal(await used({}), 4);
    assert.equal(await used({ subset: { size: 1 } }), 1);
    assert.equal(await used({ subset: { size: 1 }, ...of({ size: 2 }) }), 2);
    assert.equal(await used({ subset: { size: 1 }, ...of(false) }), 4);
    assert.equal(await used({ subset: { index: 1, of: 2 }, ...of({ size: 3 }) }), 3);
    const rule = (size: number) => ({ subset: { mode: 'on', size } });
    assert.equal(await used({ subset: { index: 1, of: 2 } }), 4);
    assert.equal(await used({ subset: { index: 1, of: 2 } }, rule(2)), 2);
    assert.equal(await used({ subset: { size: 1 } }, rule(3)), 3);
    assert.equal(await used(of(false), rule(1)), 1);
    assert.equal(await used({ subset: { size: 1 } }, rule(10_000)), 4);
  });

  it('is refused where one place says what does not fit, and numbers of a client are none of rules', () => {
    assert.throws(
      () => configure(Town, { subset: { index: 2, of: 2 } }),
      /subset: index must be an integer from 0 to 1/,
    );
    const document = { schemaVersion: 1, version: 1, subset: { mode: 'on', size: 2, index: 1 } };
    assert.throws(() => readRules(document), /subset: unknown option "index"/);
  });

  it('is not for what is meant for all instances', async () => {
    const scene = await new TownScene().open(4);
    const all = () => scene.client.broadcast(Town, 'go', []);
    assert.equal((await all()).length, 4);
    await scene.rule({ subset: { mode: 'on', size: 1 } });
    await assert.rejects(all(), { code: 'FAILED_PRECONDITION' });
    await scene.close();
  });
});

describe('the picker', () => {
  it('of a service is the one that it was given, and else that of the client', async () => {
    const pickerOf = async (options: ClientOptions): Promise<string> => {
      const scene = await new TownScene(options).open(1);
      const { picker } = scene.state;
      await scene.close();
      return picker;
    };
    const services = [configure(Town, { balancer: roundRobin() })];
    assert.equal(await pickerOf({}), 'p2c');
    assert.equal(await pickerOf({ balancer: leastActive() }), 'leastActive');
    assert.equal(await pickerOf({ balancer: leastActive(), services }), 'roundRobin');
    assert.throws(
      () => configure(Town, { balancer: 'roundRobin' as never }),
      /configure\(town\): balancer must be a picker/,
    );
  });
});
