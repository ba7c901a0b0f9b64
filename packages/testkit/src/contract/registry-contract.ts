import { arenaTests } from './registry-arena.js';
import type { RegistryContractOptions, RegistryContractSetup } from './registry-contract-setup.js';
import { mishapTests } from './registry-mishaps.js';
import { registeringTests } from './registry-registering.js';
import { watchingTests } from './registry-watching.js';
import { testRunner } from './test-runner.js';

/**
 * Declares the tests that every registry passes, as a mocha suite. Nothing in them sleeps: each waits for a published snapshot,
 * an event or a promise, five seconds at most.
 *
 * @param name - what the suite is called: `memory`
 * @param setup - called anew for each test
 *
 * @example
 * ```ts
 * registryContract('memory', async () => {
 *   const registry = memory();
 *   return { create: () => registry, close: async () => {} };
 * });
 * ```
 */
export function registryContract(
  name: string,
  setup: () => Promise<RegistryContractSetup>,
  options: RegistryContractOptions = {},
): void {
  const { covers = [], closedReason = 'left', deadReason = 'unknown' } = options;
  const runner = testRunner();
  const test = arenaTests(runner, setup);
  runner.describe(`the registry contract, kept by ${name}`, () => {
    watchingTests(test);
    registeringTests(test, closedReason);
    mishapTests(test, covers, deadReason);
  });
}

/**
 * Declares the tests of a source that lists endpoints without taking registrations (a fixed list, DNS): the part of
 * {@link registryContract} that is about watching.
 *
 * @param name - what the suite is called: `direct`
 * @param setup - called anew for each test
 */
export function watchContract(name: string, setup: () => Promise<RegistryContractSetup>): void {
  const runner = testRunner();
  runner.describe(`the watching part of the registry contract, kept by ${name}`, () => {
    watchingTests(arenaTests(runner, setup));
  });
}
