import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import { recordSnapshots, registryContract } from '@org/rpc-testkit';
import type { RegistryEvent } from '../registry.js';
import { memory } from './memory.js';

const environment = { namespace: 'default', clock: systemClock, random: systemRandom };
const instance = {
  services: ['greeter'],
  endpoint: { id: 'one', host: 'h', port: 1, weight: 100, state: 'up' },
} as const;

registryContract('memory', async () => {
  const registry = memory();
  return { create: () => registry, close: async () => {} };
});

describe('memory()', () => {
  it('shares nothing between two values', async () => {
    memory().open(environment).register(instance);
    const recorder = recordSnapshots(memory().open(environment), 'greeter');
    assert.deepEqual((await recorder.until(() => true)).endpoints, []);
  });

  it('refuses an instance that no registry could carry, naming the field', () => {
    const handle = memory().open(environment);
    const endpoint = { ...instance.endpoint, port: 70_000 };
    assert.throws(
      () => handle.register({ ...instance, endpoint }),
      /register: port must be an integer from 1 to 65535/,
    );
  });

  it('lets the newer of two owners of an id win, and keeps it when the older one closes', async () => {
    const registry = memory();
    const events: RegistryEvent[] = [];
    const older = registry.open({ ...environment, onEvent: (event) => events.push(event) });
    older.register(instance);
    registry.open(environment).register({ ...instance, endpoint: { ...instance.endpoint, port: 2 } });
    await older.close();
    const recorder = recordSnapshots(registry.open(environment), 'greeter');
    assert.equal((await recorder.until(() => true)).endpoints[0]?.port, 2);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['conflict'],
    );
  });

  it('takes no registration after its handle was closed', async () => {
    const registry = memory();
    const handle = registry.open(environment);
    await handle.close();
    const registration = handle.register(instance);
    await assert.rejects(registration.registered, { code: 'CANCELLED' });
    assert.deepEqual(registration.state(), { status: 'closed' });
    assert.deepEqual(await registry.open(environment).services(), []);
  });

  it('refuses an update that changes the id', async () => {
    const registration = memory().open(environment).register(instance);
    const endpoint = { ...instance.endpoint, id: 'two' };
    await assert.rejects(registration.update({ ...instance, endpoint }), TypeError);
  });
});
