import assert from 'node:assert/strict';
import { measureCosts } from './measure.js';

describe('the measuring of small benchmarks', () => {
  const spin = (times: number) => (count: number) => {
    let sum = 0;
    for (let i = 0; i < count * times; i++) sum = Math.imul(sum ^ i, 31);
    return sum;
  };

  it('runs a case right before or after the one that it is compared with, wherever that stands', async () => {
    const order: string[] = [];
    const run = (name: string) => (count: number) => {
      if (order.at(-1) !== name) order.push(name);
      return spin(100)(count);
    };
    const costs = await measureCosts(
      [
        { name: 'dear', run: run('dear'), beside: 'cheap' },
        { name: 'cheap', run: run('cheap') },
      ],
      2,
      () => {},
    );
    // Warmed up one after the other; then, round by round, `dear` with `cheap` beside it, and `cheap` alone; last, the bytes.
    assert.deepEqual(order.slice(0, 5), ['dear', 'cheap', 'dear', 'cheap', 'dear']);
    assert.deepEqual([...costs.keys()], ['dear', 'cheap']);
  });

  it('says what is not there to compare with', async () => {
    const cases = [{ name: 'dear', run: spin(10), beside: 'gone' }];
    await assert.rejects(
      measureCosts(cases, 1, () => {}),
      /dear is compared with gone, which is not there/,
    );
  });
});
