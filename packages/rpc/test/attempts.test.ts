import assert from 'node:assert/strict';
import { defineService, method } from '@org/rpc-core';
import { createServer } from '@org/rpc-server';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const Report = defineService('report', {
  make: method<(takesMs: number) => Promise<string>>({ idempotent: true }),
});

describe('the default attempt deadline', () => {
  it('lets an idempotent method take most of its timeout, also when it was fast before', async () => {
    const clock = new FakeClock();
    const server = createServer({ clock, registry: 'direct://127.0.0.1:1' });
    let runs = 0;
    server.add(Report, {
      make(takesMs) {
        runs++;
        return new Promise((resolve) => clock.schedule(takesMs, () => resolve('done')));
      },
    });
    const client = connect(server, { clock, random: seededRandom(1) });
    const report = client.service(Report);
    const make = async (takesMs: number): Promise<string> => {
      const result = report.make(takesMs);
      result.catch(() => {});
      await clock.advance(2_000);
      return result;
    };

    assert.equal(await make(900), 'done');
    for (let i = 0; i < 60; i++) await make(5);
    // By now the method is known to be fast. Given up at one node it is tried at others; given up again, it is the method that
    // is slow, and the next call has all its time for the first attempt.
    runs = 0;
    await assert.rejects(make(900), /^RpcError: DEADLINE_EXCEEDED/);
    assert.equal(await make(600), 'done');
    assert.equal(runs, 3 + 1);
    await client.close();
    const closed = server.close({ graceMs: 0 });
    await clock.advance(1);
    await closed;
  });
});
