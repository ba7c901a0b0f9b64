import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import type { Endpoint, RegistryEvent, Snapshot } from '@org/rpc-registry';
import { type ManualRegistry, manualRegistry, wrapperContract } from '@org/rpc-testkit';
import { type AcceptEndpoint, guardedRegistry } from './guarded-registry.js';

const at = (host: string, id = host): Endpoint => ({ id, host, port: 1, weight: 100, state: 'up' });

wrapperContract('a registry with a policy', (registry) => guardedRegistry(registry, () => true));

describe('a registry with a policy', () => {
  let manual: ManualRegistry;
  let events: RegistryEvent[];
  let snapshots: Snapshot[];

  function watch(accept: AcceptEndpoint): () => Promise<void> {
    manual = manualRegistry();
    [events, snapshots] = [[], []];
    const onEvent = (event: RegistryEvent): void => void events.push(event);
    const environment = { namespace: 'test', clock: systemClock, random: systemRandom, onEvent };
    const handle = guardedRegistry(manual.registry, accept).open(environment);
    handle.watch('users', (snapshot) => void snapshots.push(snapshot));
    return () => handle.close();
  }

  async function list(...endpoints: readonly Endpoint[]): Promise<string> {
    manual.publish('users', endpoints);
    await new Promise(setImmediate);
    const { endpoints: listed, gone } = snapshots.at(-1)!;
    return [...listed.map(({ id }) => id), ...gone.map(({ id, reason }) => `-${id}:${reason}`)].join(' ');
  }

  it('lists what it accepts, and tells of each refusal once', async () => {
    const close = watch(({ host }) => host.startsWith('10.'));
    assert.equal(await list(at('10.0.0.7'), at('169.254.169.254')), '10.0.0.7');
    assert.equal(await list(at('10.0.0.7'), at('10.0.0.8'), at('169.254.169.254')), '10.0.0.7 10.0.0.8');
    assert.deepEqual(events, [
      {
        kind: 'invalidEntry',
        message: 'users: 169.254.169.254:1 (169.254.169.254) was refused by acceptEndpoint',
        service: 'users',
      },
    ]);
    await close();
  });

  it('takes what it no longer accepts for gone at once', async () => {
    const close = watch(({ host }) => host.startsWith('10.'));
    await list(at('10.0.0.7', 'a'), at('10.0.0.8', 'b'));
    assert.equal(await list(at('127.0.0.1', 'a'), at('10.0.0.8', 'b')), 'b -a:left');
    await close();
  });

  it('refuses what the policy throws at, and what it does not say true to', async () => {
    const close = watch(({ id }) => {
      if (id === 'a') throw new Error('a mistake');
      return (id === 'b' ? 1 : true) as boolean;
    });
    assert.equal(await list(at('h', 'a'), at('h', 'b'), at('h', 'c')), 'c');
    assert.equal(events[0]?.message, 'users: h:1 (a) was refused by acceptEndpoint, which threw: a mistake');
    assert.equal(events[0]?.error?.message, 'a mistake');
    await close();
  });

  it('tells of a hundred refusals, and once that there are more', async () => {
    const close = watch(() => false);
    await list(...Array.from({ length: 1_000 }, (_, index) => at('h', `i${index}`)));
    assert.equal(events.length, 101);
    await close();
  });

  it('changes nothing else of a list', async () => {
    const close = watch(() => true);
    await list(at('h', 'a'));
    manual.loseSource();
    await new Promise(setImmediate);
    assert.equal(snapshots.at(-1)?.fresh, false);
    assert.deepEqual(manual.watched(), ['users']);
    await close();
    assert.equal(manual.openHandles(), 0);
  });
});
