import assert from 'node:assert/strict';
import fc from 'fast-check';
import { abortable, DEEDS, items, times } from './deeds.js';
import { outcome, Road, type RoadOptions, read } from './road.js';
import { AWKWARD, awkward } from './values.js';

const NAMES = Object.keys(DEEDS);

describe('an honest client keeps its connection', function () {
  this.timeout(120_000);

  for (const [name, { many, run }] of Object.entries(DEEDS))
    it(`${name}, ${many.toLocaleString('en')} of them`, () => onRoad({}, (road) => run(road, many)));

  for (const [name, { few, run }] of Object.entries(DEEDS))
    it(`${name}, on a real socket`, () => onRoad({ isReal: true }, (road) => run(road, few)));

  for (const name of AWKWARD) {
    it(`${name}: as an argument, a result, an item of either side, and one-way`, () =>
      onRoad({}, async (road) => useValue(road, name)));
    it(`${name}, compressed`, () =>
      onRoad({ client: { compression: { aboveBytes: 0 } } }, async (road) => useValue(road, name)));
  }

  it('sixteen readers that stand still do not starve the others', () =>
    onRoad({}, async (road) => {
      const paused = times(16, () => road.things.endless(4_000)[Symbol.asyncIterator]());
      for (const reader of paused) await reader.next();
      await road.pause(2_000);
      assert.equal(await read(road.things.count(100, 20_000)), 100);
      assert.equal(await road.things.sum(items(1, 50_000)), 50_000);
      for (const reader of paused) await reader.return?.();
    }));

  it('sixteen handlers that stand still do not starve the others', () =>
    onRoad({}, async (road) => {
      const { signal, abort } = abortable();
      const stuck = times(16, () => outcome(road.things.with({ signal }).stuck(items(Buffer.alloc(4_000)))));
      await road.pause(2_000);
      assert.equal(await road.things.sum(items(1, 50_000)), 50_000);
      abort();
      await Promise.all(stuck);
    }));

  it('whatever is done at the same time, on lines of any length', () => {
    const step = fc.record({
      name: fc.constantFrom(...NAMES),
      count: fc.integer({ min: 1, max: 60 }),
      afterMs: fc.nat(50),
    });
    const plan = fc.array(step, { minLength: 1, maxLength: 12 });
    return fc.assert(
      fc.asyncProperty(plan, fc.nat(60), fc.constantFrom(...AWKWARD), (steps, lagMs, value) =>
        onRoad({ lagMs }, async (road) => {
          await Promise.all([
            useValue(road, value),
            ...steps.map(async ({ name, count, afterMs }) => {
              await road.pause(afterMs);
              const { many, run } = DEEDS[name]!;
              await run(road, Math.min(many, count));
            }),
          ]);
        }),
      ),
      { numRuns: 10, seed: 20_261_128, endOnFailure: true },
    );
  });
});

/** Hands a value to everything that takes one. Whatever becomes of that call, it is that call's matter. */
async function useValue({ things }: Road, name: string): Promise<void> {
  await outcome(things.echo(awkward(name)));
  await outcome(things.make(name));
  await outcome(read(things.makes(name)));
  await outcome(things.take(items(awkward(name), 1)));
  await outcome(read(things.chat(items(awkward(name), 2))));
  await outcome(things.note(awkward(name)));
}

async function onRoad(options: RoadOptions, deed: (road: Road) => Promise<unknown>): Promise<void> {
  const road = new Road(options);
  assert.equal(await road.pass(road.things.echo('greeted')), 'greeted');
  await road.pass(deed(road));
  await road.assertPeace();
  await road.close();
}
