import assert from 'node:assert/strict';
import { type PickerFactory, type PickerNode, p2c, RpcError } from '@org/rpc';
import { generate } from './generate.js';
import type { Plant } from './plant.js';
import { runScript } from './run-script.js';
import { shrink } from './shrink.js';

/** How many seeds a planted fault may need until it is noticed. */
const SEEDS_MAX = 40;

/** The first seed in whose run an invariant is broken. @param from - where to begin to look, to be quick */
async function noticed(plant: () => Plant, invariant: string, from = 1): Promise<number> {
  for (let seed = from; seed < from + SEEDS_MAX; seed++) {
    const { violations } = await runScript(generate(seed), plant());
    if (violations.length === 0) continue;
    assert.ok(violations[0]!.startsWith(invariant), `seed ${seed}: ${violations[0]}`);
    return seed;
  }
  assert.fail(`nothing was noticed in ${SEEDS_MAX} seeds`);
}

/** Does something to one call in so many. */
function oneIn(count: number): () => boolean {
  let calls = 0;
  return () => ++calls % count === 0;
}

/** Gives calls to nodes that were there once. */
function forgetful(): PickerFactory {
  const known = new Set<PickerNode>();
  const own = p2c();
  return {
    name: 'forgetful',
    create(nodes, environment) {
      for (const node of nodes) known.add(node);
      const picker = own.create(nodes, environment);
      return {
        pick: (call, now) =>
          ([...known].find((node) => node.status(call, now) === 0) as never) ?? picker.pick(call, now),
      };
    },
  };
}

describe('the simulation notices', function () {
  this.timeout(60_000);

  it('a call that never settles', async () => {
    const plant = (): Plant => {
      const isHit = oneIn(5);
      const layer = (next: (call: never) => Promise<unknown>) => (call: never) =>
        isHit() ? new Promise<unknown>(() => {}) : next(call);
      return { options: { layers: { unary: [layer as never], stream: [] } } };
    };
    await noticed(plant, 'I1');
  });

  it('a call that is repeated although it must not be', async () => {
    const plant = (): Plant => ({
      options: {
        layers: {
          unary: [
            (next) => (call) =>
              next(call).catch((error: unknown) => (call.method === 'once' ? next(call) : Promise.reject(error))),
          ],
          stream: [],
        },
      },
    });
    await noticed(plant, 'I2');
  });

  it('an answer that belongs to another call', async () => {
    const plant = (): Plant => {
      let last: unknown;
      return {
        serverLayers: () => ({
          unary: [
            (next) => async (call) => {
              const answer = await next(call);
              const other = last ?? answer;
              last = answer;
              return call.method === 'repeatable' ? other : answer;
            },
          ],
          stream: [],
        }),
      };
    };
    await noticed(plant, 'I3');
  });

  for (const [what, change] of [
    ['is lost', (): unknown[] => []],
    ['comes twice', (item: unknown): unknown[] => [item, item]],
  ] as const) {
    it(`an item of a stream that ${what}`, async () => {
      const plant = (): Plant => {
        const isHit = oneIn(3);
        return {
          options: {
            layers: {
              unary: [],
              stream: [
                (next) =>
                  async function* (call, items) {
                    for await (const item of next(call, items)) yield* isHit() ? change(item) : [item];
                  },
              ],
            },
          },
        };
      };
      await noticed(plant, 'I4');
    });
  }

  it('a stream that is not held back by its reader', async () => {
    await noticed(
      () => ({ options: { limits: { streamCreditBytes: 16_777_216, connectionCreditBytes: 16_777_216 } } }),
      'I5',
      15,
    );
  });

  it('repeats beyond the budget', async () => {
    await noticed(() => ({ options: { retryBudget: { percent: 100, minPerSecond: 1_000 } } }), 'I6', 15);
  });

  it('a call that is given to a node that is known to be gone', async () => {
    await noticed(() => ({ picker: forgetful }), 'I7');
  });

  it('a client that does not find what is there', async () => {
    await noticed(() => ({ keepsWrongList: true }), 'I8');
  });

  it('chance that no seed rules, and is the same twice where one does', async () => {
    const hashes = async (plant: Plant): Promise<string[]> => {
      const list: string[] = [];
      for (let i = 0; i < 2; i++) list.push((await runScript(generate(3), plant)).hash);
      return list;
    };
    const [first, again] = await hashes({});
    assert.equal(first, again);
    const [one, other] = await hashes({ random: Math.random });
    assert.notEqual(one, other);
  });

  it('and leaves out of the script what has no part in it', async () => {
    const plant: Plant = {
      options: {
        layers: { unary: [() => () => Promise.reject(new RpcError('INTERNAL', 'planted'))], stream: [] },
      },
    };
    // What is planted fails the calls at the end of any run: no step has a part in it but one call.
    const { script, verdict } = await shrink(generate(1), plant);
    assert.ok(script.steps.length <= 1, JSON.stringify(script.steps));
    assert.ok(verdict.violations[0]!.startsWith('I8'));
  });
});
