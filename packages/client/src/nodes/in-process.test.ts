import assert from 'node:assert/strict';
import { FakeClock, recordSnapshots, seededRandom } from '@org/rpc-testkit';
import { inProcess } from './in-process.js';

const TARGET = { host: 'memory', port: 1, timeoutMs: 1_000 };

describe('the way to a server of the same process', () => {
  it('has one instance for every service, and opens a pair of which the server takes one end as its own', async () => {
    const accepted: unknown[] = [];
    const way = inProcess('test', { instance: 'one', accept: (_stream, isOwn) => void accepted.push(isOwn) });
    const options = { namespace: 'n', clock: new FakeClock(0), random: seededRandom(1), onEvent: () => {} };
    const recorder = recordSnapshots(way.registry.open(options), 'any');
    await Promise.resolve();
    assert.deepEqual(
      recorder.snapshots.at(-1)?.endpoints.map(({ id, state }) => [id, state]),
      [['one', 'up']],
    );
    const stream = await way.dial(TARGET);
    assert.deepEqual([stream.peer.address, accepted], ['memory:client', [true]]);
  });

  it('cannot be dialled where the server takes nothing', async () => {
    const accept = (): never => {
      throw Object.assign(new Error('closed'), { code: 'ECONNREFUSED' });
    };
    await assert.rejects(inProcess('test', { instance: 'one', accept }).dial(TARGET), { code: 'ECONNREFUSED' });
  });
});
