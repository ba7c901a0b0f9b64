import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import type { Endpoint } from '@org/rpc-registry';
import { manualRegistry, recordSnapshots } from '@org/rpc-testkit';

const environment = { namespace: 'default', clock: systemClock, random: systemRandom };
const one: Endpoint = { id: 'one', host: 'h', port: 1, weight: 100, state: 'up' };
const two: Endpoint = { id: 'two', host: 'h', port: 2, weight: 100, state: 'up' };

describe('manualRegistry()', () => {
  it('publishes what the test pushes, to those who watch already and to those who come later', async () => {
    const manual = manualRegistry();
    const early = recordSnapshots(manual.registry.open(environment), 'greeter');
    manual.publish('greeter', [two, one]);
    const late = recordSnapshots(manual.registry.open(environment), 'greeter');
    for (const recorder of [early, late]) assert.deepEqual((await recorder.until(() => true)).endpoints, [one, two]);
  });

  it('publishes nothing of a service before the test does', async () => {
    const manual = manualRegistry();
    const recorder = recordSnapshots(manual.registry.open(environment), 'greeter');
    manual.publish('mailer', [one]);
    await recordSnapshots(manual.registry.open(environment), 'mailer').until(() => true);
    assert.deepEqual(recorder.snapshots, []);
  });

  it('works out what is gone, with the reason that the test gives', async () => {
    const manual = manualRegistry();
    const recorder = recordSnapshots(manual.registry.open(environment), 'greeter');
    manual.publish('greeter', [one, two]);
    manual.publish('greeter', [], { gone: { one: 'dead' } });
    const { gone } = await recorder.until((snapshot) => snapshot.gone.length > 0);
    assert.deepEqual(gone, [
      { id: 'one', reason: 'dead' },
      { id: 'two', reason: 'unknown' },
    ]);
  });

  it('keeps the list when the source is lost, marked as not fresh', async () => {
    const manual = manualRegistry();
    const recorder = recordSnapshots(manual.registry.open(environment), 'greeter');
    manual.publish('greeter', [one]);
    manual.loseSource();
    const stale = await recorder.until(({ fresh }) => !fresh);
    assert.deepEqual(stale.endpoints, [one]);
    manual.publish('greeter', [one]);
    await recorder.until((snapshot) => snapshot.fresh && recorder.snapshots.indexOf(snapshot) > 1);
  });

  it('tells what is watched, registered and open', async () => {
    const manual = manualRegistry();
    const handle = manual.registry.open(environment);
    handle.watch('greeter', () => {});
    const registration = handle.register({ services: ['greeter'], endpoint: one });
    assert.deepEqual([manual.watched(), manual.openHandles()], [['greeter'], 1]);
    await registration.update({ services: ['greeter'], endpoint: { ...one, weight: 7 } });
    assert.equal(manual.instances()[0]?.endpoint.weight, 7);
    await handle.close();
    assert.deepEqual([manual.watched(), manual.openHandles(), manual.instances()], [[], 0, []]);
    assert.deepEqual(registration.state(), { status: 'closed' });
  });
});
