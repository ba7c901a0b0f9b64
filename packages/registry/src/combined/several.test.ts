import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import { type ManualRegistry, manualRegistry, wrapperContract } from '@org/rpc-testkit';
import type { Endpoint } from '../endpoint.js';
import { memory } from '../memory/memory.js';
import type { Registry, RegistryEvent, Snapshot } from '../registry.js';
import { several } from './several.js';

wrapperContract('several registries', (registry) => several([registry, memory()]));

const environment = { namespace: 'default', clock: systemClock, random: systemRandom };

function endpoint(id: string, changes: Partial<Endpoint> = {}): Endpoint {
  return { id, host: '10.0.0.7', port: 4399, weight: 100, state: 'up', ...changes };
}

/** Two registries as one, with everything that was published of "greeter". */
function twoWatched(): { first: ManualRegistry; second: ManualRegistry; snapshots: Snapshot[] } {
  const [first, second] = [manualRegistry(), manualRegistry()];
  const snapshots: Snapshot[] = [];
  const handle = several([first.registry, second.registry]).open(environment);
  handle.watch('greeter', (snapshot) => snapshots.push(snapshot));
  return { first, second, snapshots };
}

const told = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const idsOf = (snapshot: Snapshot | undefined): string[] | undefined => snapshot?.endpoints.map(({ id }) => id);

describe('several()', () => {
  it('lists the instances of all registries, each once', async () => {
    const { first, second, snapshots } = twoWatched();
    first.publish('greeter', [endpoint('a'), endpoint('b', { weight: 7 })]);
    second.publish('greeter', [endpoint('b', { weight: 9 }), endpoint('c')]);
    await told();
    assert.deepEqual(idsOf(snapshots.at(-1)), ['a', 'b', 'c']);
    assert.equal(snapshots.at(-1)?.endpoints[1]?.weight, 7);
  });

  it('gives what one registry knows while another has not answered yet, as not fresh', async () => {
    const { first, snapshots } = twoWatched();
    first.publish('greeter', [endpoint('a')]);
    await told();
    assert.deepEqual([idsOf(snapshots.at(-1)), snapshots.at(-1)?.fresh], [['a'], false]);
  });

  it('says nothing of an empty list until every registry has answered', async () => {
    const { first, second, snapshots } = twoWatched();
    first.publish('greeter', []);
    await told();
    assert.equal(snapshots.length, 0);
    second.publish('greeter', []);
    await told();
    assert.deepEqual([idsOf(snapshots.at(-1)), snapshots.at(-1)?.fresh], [[], true]);
  });

  it('keeps what an unreachable registry listed, and is not fresh meanwhile', async () => {
    const { first, second, snapshots } = twoWatched();
    first.publish('greeter', [endpoint('a')]);
    second.publish('greeter', [endpoint('b')]);
    first.loseSource();
    await told();
    second.publish('greeter', []);
    await told();
    assert.deepEqual([idsOf(snapshots.at(-1)), snapshots.at(-1)?.fresh], [['a'], false]);
  });

  it('says that an instance has left when the last registry stops listing it, with the surest reason', async () => {
    const { first, second, snapshots } = twoWatched();
    first.publish('greeter', [endpoint('a')]);
    second.publish('greeter', [endpoint('a')]);
    await told();
    first.publish('greeter', [], { gone: 'left' });
    await told();
    assert.deepEqual(idsOf(snapshots.at(-1)), ['a']);
    second.publish('greeter', [], { gone: 'unknown' });
    await told();
    assert.deepEqual(snapshots.at(-1)?.gone, [{ id: 'a', reason: 'left' }]);
  });

  it('forgets an old goodbye of an instance that came back', async () => {
    const { first, second, snapshots } = twoWatched();
    second.publish('greeter', [endpoint('a')]);
    first.publish('greeter', [endpoint('a')]);
    first.publish('greeter', [], { gone: 'left' });
    first.publish('greeter', [endpoint('a')]);
    await told();
    first.publish('greeter', [], { gone: 'unknown' });
    second.publish('greeter', [], { gone: 'unknown' });
    await told();
    assert.deepEqual(snapshots.at(-1)?.gone, [{ id: 'a', reason: 'unknown' }]);
  });

  it('takes an instance for draining as soon as one registry says so', async () => {
    const { first, second, snapshots } = twoWatched();
    first.publish('greeter', [endpoint('a')]);
    second.publish('greeter', [endpoint('a', { state: 'draining' })]);
    await told();
    assert.equal(snapshots.at(-1)?.endpoints[0]?.state, 'draining');
  });

  it('takes an instance for unavailable as soon as one registry says so, and a goodbye for more than that', async () => {
    const { first, second, snapshots } = twoWatched();
    first.publish('greeter', [endpoint('a'), endpoint('b', { state: 'draining' })]);
    second.publish('greeter', [endpoint('a', { state: 'unavailable' }), endpoint('b', { state: 'unavailable' })]);
    await told();
    assert.deepEqual(
      snapshots.at(-1)?.endpoints.map(({ state }) => state),
      ['unavailable', 'draining'],
    );
  });

  it('publishes nothing after the watch was closed', async () => {
    const [first, second] = [manualRegistry(), manualRegistry()];
    const snapshots: Snapshot[] = [];
    const handle = several([first.registry, second.registry]).open(environment);
    handle.watch('greeter', (snapshot) => snapshots.push(snapshot)).close();
    first.publish('greeter', [endpoint('a')]);
    await told();
    assert.equal(snapshots.length, 0);
    await handle.close();
    assert.deepEqual([first.openHandles(), second.openHandles()], [0, 0]);
  });

  it('enters an instance into all of them and takes it out of all', async () => {
    const [first, second] = [manualRegistry(), manualRegistry()];
    const handle = several([first.registry, second.registry]).open(environment);
    const registration = handle.register({ services: ['greeter'], endpoint: endpoint('a') });
    await registration.registered;
    await registration.update({ services: ['greeter'], endpoint: endpoint('a', { weight: 5 }) });
    assert.deepEqual(
      [first, second].map((registry) => registry.instances()[0]?.endpoint.weight),
      [5, 5],
    );
    assert.deepEqual(registration.state(), { status: 'registered' });
    await registration.close();
    assert.deepEqual([...first.instances(), ...second.instances()], []);
  });

  it('is found as soon as one registry has it, and says which failure keeps it out of the others', async () => {
    const down = unreachable('no route');
    const registration = several([down, memory()])
      .open(environment)
      .register({
        services: ['greeter'],
        endpoint: endpoint('a'),
      });
    await registration.registered;
    const state = registration.state();
    assert.equal(state.status === 'pending' && state.error?.message, 'no route');
  });

  it('lists the services of the registries that answer, and fails when none does', async () => {
    const alive = manualRegistry();
    alive.publish('greeter', []);
    const down = unreachable('no route');
    assert.deepEqual(await several([down, alive.registry]).open(environment).services(), ['greeter']);
    await assert.rejects(
      several([down, unreachable('x')])
        .open(environment)
        .services(),
      /no route/,
    );
  });

  it('names the registry in what it reports', () => {
    const source = manualRegistry();
    const events: RegistryEvent[] = [];
    several([source.registry]).open({ ...environment, onEvent: (event) => events.push(event) });
    source.report({ kind: 'unreachable', message: 'timed out' });
    assert.equal(events[0]?.message, 'manual: timed out');
  });

  it('refuses what is no list of registries', () => {
    const registry = memory();
    assert.throws(() => several([]), /several: a list of 1 to 16 registries is needed, got 0/);
    assert.throws(
      () => several(['local:' as never]),
      /several: every entry must be a registry such as local\(\), got "local:"/,
    );
    assert.throws(() => several([registry, registry]), /several: a registry is listed twice/);
  });

  it('shows all, waits for the slowest and is of one machine only when all are', () => {
    const slow = { ...memory(), drainLeadMs: 3_000, isMachineLocal: false };
    const merged = several([memory(), slow]);
    assert.deepEqual([merged.display, merged.drainLeadMs, merged.isMachineLocal], ['memory + memory', 3_000, false]);
  });
});

/** A registry that nobody can reach. */
function unreachable(message: string): Registry {
  const error = new Error(message);
  return {
    display: 'unreachable',
    drainLeadMs: 0,
    open: () => ({
      watch: () => ({ close: () => {} }),
      register: () => ({
        state: () => ({ status: 'pending', error }),
        registered: new Promise(() => {}),
        update: async () => {},
        close: async () => {},
      }),
      services: () => Promise.reject(error),
      close: async () => {},
    }),
  };
}
