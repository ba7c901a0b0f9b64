import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { aCall } from '../../test/picker-scene.js';
import { WaitingRoom } from './waiting-room.js';

const what = (): string => 'a node';

describe('WaitingRoom', () => {
  it('wakes those that have waited longest first, as many as it is told', async () => {
    const room = new WaitingRoom(new FakeClock());
    const woken: string[] = [];
    for (const name of ['a', 'b', 'c']) void room.wait(aCall(), what).then(() => woken.push(name));
    room.wake(1);
    await Promise.resolve();
    assert.deepEqual([woken, room.size], [['a'], 2]);
    room.wake();
    await Promise.resolve();
    assert.deepEqual([woken, room.size], [['a', 'b', 'c'], 0]);
  });

  it('lets a call wait no longer than its deadline', async () => {
    const clock = new FakeClock();
    const room = new WaitingRoom(clock);
    const call = aCall();
    call.deadline = 100;
    const late = assert.rejects(room.wait(call, what), { code: 'DEADLINE_EXCEEDED', message: /waiting for a node/ });
    await clock.advance(100);
    await late;
    assert.deepEqual([room.size, clock.pending], [0, 0]);
  });

  it('turns away those for whom there is no room', async () => {
    const room = new WaitingRoom(new FakeClock(), 2);
    const first = [room.wait(aCall(), what), room.wait(aCall(), what)];
    await assert.rejects(room.wait(aCall(), what), {
      code: 'RESOURCE_EXHAUSTED',
      message: /2 calls of "shop" wait already for a node/,
      progress: 'unsent',
    });
    room.wake();
    await Promise.all(first);
    assert.equal(room.size, 0);
  });

  it('fails all that wait when it closes', async () => {
    const room = new WaitingRoom(new FakeClock());
    const waiting = assert.rejects(room.wait(aCall(), what), { code: 'UNAVAILABLE' });
    room.close(() => rpcError('UNAVAILABLE', 'closed'));
    await waiting;
    assert.equal(room.size, 0);
  });
});
