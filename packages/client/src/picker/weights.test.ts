import assert from 'node:assert/strict';
import { Alias } from './random.js';
import { Stride } from './weights.js';

function counts(draws: number, size: number, next: () => number): number[] {
  const counted = new Array<number>(size).fill(0);
  for (let i = 0; i < draws; i++) counted[next()]!++;
  return counted;
}

describe('turns by weight', () => {
  it('are exact over as many turns as the weights make, wherever they begin', () => {
    for (const phase of [0, 0.3, 0.99]) {
      for (const weights of [[1, 2, 3], [5, 1, 1], [100, 100, 100], [1, 10, 100, 1_000], [7]]) {
        const stride = new Stride(weights, phase);
        const period = weights.reduce((sum, weight) => sum + weight, 0) * 6;
        const expected = weights.map((weight) => weight * 6);
        assert.deepEqual(
          counts(period, weights.length, () => stride.next()),
          expected,
          `${weights} from ${phase}`,
        );
      }
    }
  });

  it('cost the same however many there are and however much they differ', () => {
    const light = new Array<number>(9_999).fill(1);
    const stride = new Stride([10_000, ...light], 0);
    const before = process.hrtime.bigint();
    const [heavy] = counts(100_000, 10_000, () => stride.next());
    // Five turns each, and not ten thousand: 100,000 of those would take seconds.
    assert.ok(process.hrtime.bigint() - before < 5_000_000_000n);
    assert.ok(Math.abs(heavy! - 50_000) <= 10, `${heavy}`);
  });
});

describe('chance by weight', () => {
  it('draws each as often as it weighs', () => {
    for (const weights of [[1, 2, 3], [1, 1_000], [5], [0.5, 0.25, 0.25]]) {
      const alias = new Alias(weights);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const drawn = counts(
        60_000,
        weights.length,
        (() => {
          let i = 0;
          return () => alias.draw((i++ % 60_000) / 60_000);
        })(),
      );
      drawn.forEach((count, index) => {
        assert.ok(Math.abs(count - (60_000 * weights[index]!) / sum) <= weights.length * 2, `${weights}: ${drawn}`);
      });
    }
  });
});
