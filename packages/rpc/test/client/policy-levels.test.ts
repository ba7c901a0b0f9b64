import assert from 'node:assert/strict';
import { type ClientOptions, configure, leastActive, roundRobin } from '@org/rpc-client';
import { Town, TownScene } from './town-scene.js';

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
