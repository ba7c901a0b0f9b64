import assert from 'node:assert/strict';
import type { Clock } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock } from '@org/rpc-testkit';
import { Work } from '../../test/bench.js';
import { createServer } from './server.js';

/** A server whose process can be frozen: its clock goes on, and its timers run late. */
async function setUp() {
  const fake = new FakeClock(1_000);
  let frozenMs = 0;
  const clock: Clock = {
    now: () => fake.now() + frozenMs,
    wallNow: () => fake.wallNow() + frozenMs,
    schedule: (delayMs, run) => fake.schedule(delayMs, run),
    afterPoll: (run) => fake.afterPoll(run),
  };
  const server = createServer({ registry: memory(), clock });
  server.add(Work, { run: () => 'done', safe: () => 'done', tell: () => {} });
  const client = connect(server, { clock, retry: false });
  const work = client.service(Work).with({ timeoutMs: 400 });
  const outcome = async (): Promise<string> => {
    const call = work.run().then(String, ({ code, progress }) => `${code} ${progress}`);
    await fake.advance(0);
    return call;
  };
  assert.equal(await outcome(), 'done');
  await fake.advance(1_000);
  return {
    outcome,
    freeze: (ms: number) => {
      frozenMs += ms;
    },
    /** Until the server has looked after its calls. */
    tick: () => fake.advance(1_000),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

describe('a server whose process was frozen', () => {
  it('takes that off the time of what it reads before its timers run: it may have waited in the socket', async () => {
    await using bench = await setUp();
    bench.freeze(3_000);
    assert.equal(await bench.outcome(), 'DEADLINE_EXCEEDED refused');
  });

  it('takes nothing off the time of what comes after that', async () => {
    await using bench = await setUp();
    bench.freeze(3_000);
    await bench.tick();
    assert.equal(await bench.outcome(), 'done');
    assert.equal(await bench.outcome(), 'done');
  });
});
