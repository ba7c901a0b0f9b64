import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import { type EndpointSecret, memory, type Registry, type RegistryHandle, type Watch } from '@org/rpc-registry';
import { registryContract } from './registry-contract.js';
import { rulesContract } from './rules-contract.js';
import { testRunner } from './test-runner.js';

/**
 * Declares the tests of a registry that wraps another: it keeps both contracts and passes on all parts of the other one, rules
 * above all, since a part that is not passed on is ignored without a word.
 *
 * @param name - what the suite is called: `remembered`
 * @param wrap - makes one around a registry, changing nothing of its lists
 * @param close - removes what a test left
 */
export function wrapperContract(
  name: string,
  wrap: (registry: Registry) => Registry,
  close: () => Promise<void> = async () => {},
): void {
  registryContract(name, async () => {
    const registry = wrap(memory());
    return { create: () => registry, close };
  });
  rulesContract(name, async () => ({ registry: wrap(memory()), close }));
  const { describe, it } = testRunner();
  describe(`what ${name} passes on`, () => {
    const environment = { namespace: 'test', clock: systemClock, random: systemRandom };

    it('every part of a registry', async () => {
      const isMachineLocal = true;
      const privateSocket = async () => '/socket';
      const facts = { display: 'inner', drainLeadMs: 7, isMachineLocal, createSecret: () => SECRET };
      const inner: Registry = { ...memory(), ...facts, privateSocket };
      const outer = wrap(inner);
      assert.match(outer.display, /inner/);
      assert.deepEqual(partsOf(outer), partsOf(inner));
      assert.deepEqual([outer.drainLeadMs, outer.isMachineLocal], [7, true]);
      assert.equal(outer.createSecret?.(), SECRET);
      assert.equal(await outer.privateSocket?.(), '/socket');
    });

    it('every part of a handle', async () => {
      let inner: RegistryHandle | undefined;
      const open: Registry['open'] = (given) => {
        inner = memory().open(given);
        return inner;
      };
      const handle = wrap({ ...memory(), open }).open(environment);
      for (const part of partsOf(inner!)) assert.ok(handle[part as keyof RegistryHandle] !== undefined, `no ${part}`);
      await handle.close();
      await close();
    });

    it('what is asked of a watch', async () => {
      let refreshes = 0;
      const open: Registry['open'] = (given) => {
        const handle = memory().open(given);
        const watch = (...args: Parameters<RegistryHandle['watch']>): Watch => {
          return { ...handle.watch(...args), refresh: () => void refreshes++ };
        };
        return { ...handle, watch };
      };
      const handle = wrap({ ...memory(), open }).open(environment);
      const watch = handle.watch('greeter', () => undefined);
      watch.refresh?.();
      assert.equal(refreshes, 1);
      await handle.close();
      await close();
    });
  });
}

const SECRET = { reveal: () => 'text' } as EndpointSecret;

function partsOf(whole: object): string[] {
  return Object.keys(whole)
    .filter((part) => (whole as Record<string, unknown>)[part] !== undefined)
    .sort();
}
