import assert from 'node:assert/strict';
import type { Endpoint } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { explainNoNode } from './explain.js';
import type { Link } from './link.js';
import { Roster } from './roster.js';
import { ServiceHealth } from './service-health.js';

function rosterAt(clock: FakeClock): Roster {
  return new Roster({
    clock,
    pool: { acquire: () => ({ observe() {} }) as unknown as Link, release() {} },
    health: new ServiceHealth({ clock, random: seededRandom(1), breakers: undefined }),
    weightOf: () => undefined,
    observer: { nodeAdded() {}, nodeRemoved() {}, massVanished() {} },
    owner: { nodeChanged() {} },
  });
}

describe('explainNoNode', () => {
  it('does not call a registry unreachable that was asked just now', () => {
    const clock = new FakeClock(1_000);
    const roster = rosterAt(clock);
    const situation = { service: 'greeter', registry: 'etcd://h', namespace: 'test', roster, registryError: undefined };
    assert.match(
      explainNoNode(situation),
      /^the registry has not answered yet \(.*\): start it, check the option registry, or give the call more time$/,
    );
    roster.apply({ endpoints: [], fresh: false, gone: [] });
    assert.match(explainNoNode(situation), /; the registry has not vouched for the list yet: start a server/);
    roster.apply({ endpoints: [], fresh: false, gone: [], remembered: true });
    assert.match(
      explainNoNode(situation),
      /; the registry has not answered yet, the list is from an earlier run: start/,
    );
  });

  it('lays a wait at what was lacking for most of it', async () => {
    const clock = new FakeClock(1_000);
    const roster = rosterAt(clock);
    await clock.advance(200);
    assert.equal(roster.lackSince(1_000), 'registry');
    const endpoint = { id: 'a', host: 'h', port: 1, weight: 100, state: 'up' } as unknown as Endpoint;
    roster.apply({ endpoints: [endpoint], fresh: true, gone: [] });
    await clock.advance(100);
    assert.deepEqual([roster.lackSince(1_000), roster.lackSince(1_150)], ['registry', 'connection']);
  });

  it('tells how long the registry has been unreachable when that is why nothing is known', async () => {
    const clock = new FakeClock(1_000);
    const roster = rosterAt(clock);
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
