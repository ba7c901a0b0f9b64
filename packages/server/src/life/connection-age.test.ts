import assert from 'node:assert/strict';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { type AgingConnection, ConnectionAges, resolveConnectionAge } from './connection-age.js';

function aConnection(clock: FakeClock, identityEndsAt?: number) {
  const told: string[] = [];
  const connection: AgingConnection = {
    peer: { address: 'a', ...(identityEndsAt === undefined ? {} : { identity: 'x', identityEndsAt }) },
    retire: (reason) => told.push(`${clock.now()} retire: ${reason}`),
    close: (reason) => told.push(`${clock.now()} close: ${reason}`),
  };
  return { connection, told };
}

describe('ConnectionAges', () => {
  function tickEach(ages: ConnectionAges, clock: FakeClock): void {
    const tick = (): void => {
      ages.tick(clock.now());
      clock.schedule(1_000, tick);
    };
    clock.schedule(1_000, tick);
  }

  it('retires a connection once at its age, and closes it after the grace', async () => {
    const clock = new FakeClock(0);
    const ages = new ConnectionAges({ maxMs: 10_000, graceMs: 3_000 }, clock, () => 0.5);
    const { connection, told } = aConnection(clock);
    ages.add(connection);
    tickEach(ages, clock);
    await clock.advance(13_000);
    assert.deepEqual(told, [
      '10000 retire: this connection is old: make another one',
      '13000 close: this connection is old, and its grace is over (connectionAge.graceMs)',
    ]);
  });

  it('spreads the ages of connections that came together over a fifth', async () => {
    const clock = new FakeClock(0);
    const ages = new ConnectionAges({ maxMs: 100_000, graceMs: 1_000_000 }, clock, seededRandom(1));
    const all = Array.from({ length: 200 }, () => aConnection(clock));
    for (const { connection } of all) ages.add(connection);
    tickEach(ages, clock);
    await clock.advance(120_000);
    const times = all.map(({ told }) => Number.parseInt(told[0]!, 10));
    assert.ok(Math.min(...times) >= 90_000 && Math.max(...times) <= 111_000);
    assert.ok(new Set(times).size > 10);
  });

  it('lets no connection outlive the certificate of its client but by the grace', async () => {
    const clock = new FakeClock(0);
    const ages = new ConnectionAges({ maxMs: 3_600_000, graceMs: 3_000 }, clock, () => 0.5);
    const { connection, told } = aConnection(clock, clock.wallNow() + 5_000);
    ages.add(connection);
    tickEach(ages, clock);
    await clock.advance(8_000);
    assert.deepEqual(told, [
      '5000 retire: what proves who the client is has expired: make another one',
      '8000 close: what proves who the client is has expired, and its grace is over (connectionAge.graceMs)',
    ]);
  });

  it('forgets a connection that is gone', () => {
    const clock = new FakeClock(0);
    const ages = new ConnectionAges({ maxMs: 1_000, graceMs: 0 }, clock, () => 0.5);
    const { connection, told } = aConnection(clock);
    ages.add(connection);
    ages.delete(connection);
    ages.tick(10_000);
    assert.deepEqual(told, []);
  });
});

describe('the option connectionAge', () => {
  it('is an hour where clients prove who they are, and any age elsewhere', () => {
    assert.deepEqual(resolveConnectionAge('f', undefined, true), { maxMs: 3_600_000, graceMs: 600_000 });
    assert.equal(resolveConnectionAge('f', undefined, false), undefined);
    assert.equal(resolveConnectionAge('f', false, true), undefined);
    assert.deepEqual(resolveConnectionAge('f', { maxMs: 5_000 }, false), { maxMs: 5_000, graceMs: 600_000 });
  });

  it('names what is wrong with it', () => {
    for (const [options, message] of [
      [{ maxMs: 10 }, /^TypeError: f: connectionAge\.maxMs must be .* 1,?000/],
      [{ graceMs: -1 }, /^TypeError: f: connectionAge\.graceMs/],
      [{ maxMS: 1 }, /^TypeError: f: connectionAge: .*maxMs/],
      [true, /^TypeError: f: connectionAge must be/],
    ] as const)
      assert.throws(
        () => resolveConnectionAge('f', options as never, true),
        (error) => message.test(String(error)),
        String(message),
      );
  });
});
