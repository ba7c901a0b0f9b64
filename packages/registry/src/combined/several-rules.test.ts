import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import { manualRegistry, rulesContract } from '@org/rpc-testkit';
import { direct } from '../direct/direct.js';
import { memory } from '../memory/memory.js';
import { several } from './several.js';

rulesContract('several', async () => ({
  registry: several([direct(['h:1']), memory(), memory()]),
  close: async () => {},
}));

describe('the rules of several registries', () => {
  function open(...registries: Parameters<typeof several>[0]) {
    return several(registries).open({ namespace: 'n', clock: systemClock, random: systemRandom });
  }
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('are those of the first that has any', async () => {
    const [one, two] = [manualRegistry(), manualRegistry()];
    const seen: (string | undefined)[] = [];
    open(one.registry, two.registry).rules!.watch('shop', (text) => seen.push(text));
    two.publishRules('shop', 'two');
    await settled();
    one.publishRules('shop', undefined);
    await settled();
    one.publishRules('shop', 'one');
    await settled();
    one.publishRules('shop', undefined);
    await settled();
    two.publishRules('shop', undefined);
    await settled();
    assert.deepEqual(
      seen.filter((text, index) => text !== seen[index - 1] || index === 0),
      ['two', 'one', 'two', undefined],
    );
  });

  it('are not said to be none before everybody has said so', async () => {
    const [one, two] = [manualRegistry(), manualRegistry()];
    const seen: (string | undefined)[] = [];
    open(one.registry, two.registry).rules!.watch('shop', (text) => seen.push(text));
    one.publishRules('shop', undefined);
    await settled();
    assert.deepEqual(seen, []);
  });

  it('are reported on where they came from, and there alone', async () => {
    const [one, two] = [manualRegistry(), manualRegistry()];
    const { rules } = open(one.registry, two.registry);
    rules!.watch('shop', () => {});
    const report = { instance: 'me' } as never;
    two.publishRules('shop', 'two');
    await settled();
    rules!.report('shop', 'me', report);
    assert.deepEqual([one.ruleReports('shop').size, two.ruleReports('shop').size], [0, 1]);
    one.publishRules('shop', 'one');
    await settled();
    rules!.report('shop', 'me', report);
    assert.deepEqual([one.ruleReports('shop').size, two.ruleReports('shop').size], [1, 0]);
  });

  it('are not there when none of them has rules', () => {
    const handle = open(direct(['h:1']));
    assert.deepEqual([handle.rules, handle.rulesStore], [undefined, undefined]);
  });
});
