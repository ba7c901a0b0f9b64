import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { weighInstance } from './weigh-instance.js';

function openStore() {
  const handle = memory().open({ namespace: 'default', clock: systemClock, random: systemRandom });
  return handle.rulesStore!;
}

const ADA = { name: 'ada', clock: { wallNow: () => 1_790_000_000_000 } };

describe('the weight of an instance, as a rule', () => {
  it('begins a document, and leaves the rest of one alone', async () => {
    const store = openStore();
    assert.deepEqual(await weighInstance(store, 'shop', 'one', 10, 'ada', ADA), {
      service: 'shop',
      from: undefined,
      version: 1,
    });
    await store.set('shop', { ...(await store.get('shop'))!.document!, retry: { mode: 'on', max: 1 } }, 1);
    const weighed = await weighInstance(store, 'shop', 'two', 0, 'bob', ADA);
    assert.equal(weighed.version, 3);
    const { document } = (await store.get('shop'))!;
    assert.deepEqual({ ...document?.weight?.endpoints }, { one: 10, two: 0 });
    assert.deepEqual([document?.retry?.max, document?.comment], [1, 'bob; the other rules: ada']);
  });

  it('keeps the comment of whoever has set the other rules, however often a weight is changed', async () => {
    const store = openStore();
    const retry = { mode: 'on', percent: 100, max: 0 };
    await store.set(
      'shop',
      { schemaVersion: 1, comment: 'back to version 7: kim: reports may not wait long', retry },
      0,
    );
    for (const [weight, said] of [
      [0, 'console: one weighs 0'],
      [5, 'rpc weight one 5'],
      [undefined, 'console: one weighs as it says'],
    ] as const) {
      await weighInstance(store, 'shop', 'one', weight, said, ADA);
      const { document } = (await store.get('shop'))!;
      assert.equal(document?.comment, `${said}; the other rules: kim: reports may not wait long`);
    }
  });

  it('takes back what was said, with the rule when it was the last', async () => {
    const store = openStore();
    await weighInstance(store, 'shop', 'one', 10, '', ADA);
    assert.deepEqual(await weighInstance(store, 'shop', 'one', 10, '', ADA), {
      service: 'shop',
      from: 10,
      version: undefined,
    });
    assert.deepEqual(await weighInstance(store, 'shop', 'one', undefined, '', ADA), {
      service: 'shop',
      from: 10,
      version: 2,
    });
    assert.equal((await store.get('shop'))!.document?.weight, undefined);
    assert.equal((await weighInstance(store, 'shop', 'one', undefined, '', ADA)).version, undefined);
  });

  it('touches no rule that is not for all, and refuses a weight that is none', async () => {
    const store = openStore();
    const weight = { mode: 'dark', percent: 100, endpoints: { one: 5 } };
    await store.set('shop', { schemaVersion: 1, weight }, 0);
    await assert.rejects(
      weighInstance(store, 'shop', 'one', 10, '', ADA),
      /the rule weight of shop is dark: put it on for all/,
    );
    await store.set('shop', { schemaVersion: 1, weight: { ...weight, mode: 'on', percent: 5 } }, 1);
    await assert.rejects(weighInstance(store, 'shop', 'one', 10, '', ADA), /is for 5 % of the clients/);
    await assert.rejects(weighInstance(store, 'stock', 'one', -1, '', ADA), /weight\.endpoints\.one must be/);
  });
});
