import assert from 'node:assert/strict';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { explainNoNode } from './explain.js';
import { Roster } from './roster.js';
import { ServiceHealth } from './service-health.js';

describe('explainNoNode', () => {
  it('tells how long the registry has been unreachable when that is why nothing is known', async () => {
    const clock = new FakeClock(1_000);
    const roster = new Roster({
      clock,
      pool: { acquire: () => assert.fail(), release() {} },
      health: new ServiceHealth({ clock, random: seededRandom(1), breakers: undefined }),
      weightOf: () => undefined,
      observer: { nodeAdded() {}, nodeRemoved() {}, massVanished() {} },
      owner: { nodeChanged() {} },
    });
    roster.apply({ endpoints: [], fresh: true, gone: [] });
    roster.apply({ endpoints: [], fresh: false, gone: [] });
    await clock.advance(90_000);
    const situation = {
      service: 'greeter',
      registry: 'etcd://h',
      namespace: 'test',
      roster,
      registryError: 'refused',
    };
    assert.match(
      explainNoNode(situation),
      /^service "greeter" has no instance in .*; the registry has been unreachable for 90 s; its last error: refused: start/,
    );
  });
});
