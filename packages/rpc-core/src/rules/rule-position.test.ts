import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ruleModeFor, rulePosition } from './rule-position.js';

const percents = fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100);
const names = fc.string({ minLength: 1, maxLength: 40 });

function isIn(percent: number, instance: string, service = 'shop'): boolean {
  return ruleModeFor({ mode: 'on', percent }, instance, service, 'retry') === 'on';
}

describe('the share of a rule', () => {
  it('only gains clients when it is raised', () => {
    fc.assert(
      fc.property(names, names, percents, percents, (instance, service, one, other) => {
        const [less, more] = one < other ? [one, other] : [other, one];
        if (isIn(less, instance, service)) assert.ok(isIn(more, instance, service));
      }),
    );
  });

  it('is nobody at 0 and everybody at 100', () => {
    fc.assert(
      fc.property(names, (instance) => {
        assert.ok(!isIn(0, instance));
        assert.ok(isIn(100, instance));
      }),
    );
  });

  it('has as many of the clients as it says, give or take what chance does', () => {
    fc.assert(
      fc.property(percents, names, (percent, prefix) => {
        const clients = 2_000;
        let count = 0;
        for (let i = 0; i < clients; i++) if (isIn(percent, `${prefix}-${i}`)) count++;
        const share = percent / 100;
        // Six standard deviations: by chance one run in 500 million is out of these bounds.
        const slack = 6 * Math.sqrt(share * (1 - share) * clients);
        assert.ok(Math.abs(count - share * clients) <= slack, `${count} of ${clients} at ${percent} %`);
      }),
      { numRuns: 50 },
    );
  });

  it('is drawn anew for each policy and each service', () => {
    const instances = Array.from({ length: 1_000 }, (_, i) => `client-${i}`);
    const inBoth = (a: [string, 'retry' | 'timeout'], b: [string, 'retry' | 'timeout']): number =>
      instances.filter((id) => rulePosition(id, ...a) < 10 && rulePosition(id, ...b) < 10).length;
    assert.ok(inBoth(['shop', 'retry'], ['shop', 'timeout']) < 40);
    assert.ok(inBoth(['shop', 'retry'], ['bank', 'retry']) < 40);
  });

  it('is the same for ever: these positions were drawn when the rule was written', () => {
    assert.deepEqual(
      ['a', 'b', 'c'].map((id) => rulePosition(id, 'shop', 'retry')),
      POSITIONS,
    );
  });

  it('is nobody when the rule is off', () => {
    assert.equal(ruleModeFor({ mode: 'off', percent: 100 }, 'a', 'shop', 'retry'), 'off');
    assert.equal(ruleModeFor(undefined, 'a', 'shop', 'retry'), 'off');
    assert.equal(ruleModeFor({ mode: 'dark', percent: 100 }, 'a', 'shop', 'retry'), 'dark');
  });
});

const POSITIONS = [49.09, 52.1, 75.41];
