import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { TimerQueue } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { msgpack } from '@org/rpc-wire';
import { type ByteStream, memoryPair } from '@org/rpc-wire/internal';
import { Pool } from './pool.js';

const ENDPOINT: Endpoint = { id: 'a', host: 'h', port: 1, weight: 100, state: 'up' };

function aPool(): { pool: Pool; clock: FakeClock; dials: () => number } {
  const clock = new FakeClock(1_000);
  let dials = 0;
  const dial = async (): Promise<ByteStream> => {
    dials++;
    return memoryPair()[0];
  };
  const random = seededRandom(1);
  const timers = new TimerQueue(clock);
  const pool = new Pool({ dial, codec: msgpack(), limits: DEFAULT_LIMITS, clock, random, timers });
  return { pool, clock, dials: () => dials };
}

describe('Pool', () => {
  it('has one link for an instance, however many services use it', () => {
    const { pool, dials } = aPool();
    assert.equal(pool.acquire(ENDPOINT), pool.acquire({ ...ENDPOINT, weight: 1 }));
    assert.equal(dials(), 1);
    pool.close('test over');
  });

  it('has another link for another instance on the same address', () => {
    const { pool } = aPool();
    assert.notEqual(pool.acquire(ENDPOINT), pool.acquire({ ...ENDPOINT, id: 'b' }));
    pool.close('test over');
  });

  it('closes a link when its last user gives it back, and not before', () => {
    const { pool } = aPool();
    const link = pool.acquire(ENDPOINT);
    pool.acquire(ENDPOINT);
    pool.release(link);
    assert.notEqual(link.state, 'closed');
    pool.release(link);
    assert.equal(link.state, 'closed');
    assert.notEqual(pool.acquire(ENDPOINT), link);
    pool.close('test over');
  });

  it('closes every link at once when it is closed', async () => {
    const { pool, clock } = aPool();
    const link = pool.acquire(ENDPOINT);
    await clock.advance(10);
    pool.close('test over');
    assert.equal(link.state, 'closed');
    assert.equal(clock.pending, 0);
  });
});
