import type { Scenario } from '../scenario.js';

/** Several faults, one after the other upon the same servers: for tests, where starting processes is what takes the time. */
export function inTurn(
  scenario: Omit<Scenario, 'inject'>,
  faults: readonly Pick<Scenario, 'name' | 'inject'>[],
): Scenario {
  return {
    ...scenario,
    async inject(rig) {
      for (const { name, inject } of faults) {
        const known = rig.problems.length;
        await inject(rig);
        await rig.expect(() => rig.ready() === rig.living.size, 'all servers to be called again');
        for (let at = known; at < rig.problems.length; at++) rig.problems[at] = `${name}: ${rig.problems[at]}`;
      }
    },
  };
}
