import assert from 'node:assert/strict';
import { runScenario } from './run-scenario.js';
import type { Outcome } from './scenario.js';
import { TESTED } from './scenarios/index.js';

/** Each one mostly waits: so many at a time keep the run short and the machine's cores not too busy. */
const AT_ONCE = 4;

// `npm run faults` brings the same ones in full length, and tells the times.
describe('under each fault no call fails that may not, and all views agree in the end', function () {
  this.timeout(300_000);
  const outcomes = new Map<string, Promise<Outcome>>();

  before(() => {
    const running = new Set<Promise<unknown>>();
    let turn = Promise.resolve();
    for (const scenario of TESTED) {
      const started = turn.then(async () => {
        while (running.size >= AT_ONCE) await Promise.race(running);
        const outcome = runScenario(scenario, true);
        const ended = outcome.finally(() => running.delete(ended));
        running.add(ended);
        return { outcome };
      });
      turn = started.then(() => undefined);
      outcomes.set(
        scenario.name,
        started.then(({ outcome }) => outcome),
      );
    }
  });

  for (const { name, title } of TESTED) {
    it(title, async () => {
      const { problems, made } = await outcomes.get(name)!;
      assert.deepEqual(problems, []);
      assert.ok(made > 40, `only ${made} calls were made`);
    });
  }
});
