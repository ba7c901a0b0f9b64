import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { explainNoNode } from './explain.js';
import { Membership } from './membership.js';

describe('explainNoNode', () => {
  it('tells how long the registry has been unreachable when that is why nothing is known', async () => {
    const clock = new FakeClock(1_000);
    const membership = new Membership({ addNode: () => assert.fail(), removeNode() {}, massVanished() {} }, clock);
    membership.apply({ endpoints: [], fresh: true, gone: [] });
    membership.apply({ endpoints: [], fresh: false, gone: [] });
    await clock.advance(90_000);
    const situation = {
      service: 'greeter',
      registry: 'etcd://h',
      namespace: 'test',
      membership,
      registryError: 'refused',
    };
    assert.match(
      explainNoNode(situation),
      /^service "greeter" has no instance in .*; the registry has been unreachable for 90 s; its last error: refused: start/,
    );
  });
});
