import assert from 'node:assert/strict';
import { openShop } from './shop.js';

const AGE = { maxMs: 10_000, graceMs: 5_000 };

describe('a connection that has reached its age', () => {
  async function openAging(run: (job: string) => unknown = (job) => job) {
    const server = { connectionAge: AGE, random: () => 0.5 };
    const open = openShop({ server, handlers: { run }, client: { timeoutMs: 60_000 } });
    const counts = { opened: 0, open: 0, atOnce: 0 };
    const reasons: string[] = [];
    open.server.on('connectionOpened', () => {
      counts.opened++;
      counts.open++;
      counts.atOnce = Math.max(counts.atOnce, counts.open);
    });
    open.server.on('connectionClosed', ({ reason }) => {
      counts.open--;
      reasons.push(reason);
    });
    // What looks after connections begins with it.
    await open.server.listen({ host: '127.0.0.1', port: 0 });
    const close = async (): Promise<void> => {
      await open.client.close();
      await Promise.all([open.server.close({ drainMs: 0, graceMs: 0 }), open.clock.advance(1_000)]);
    };
    return { ...open, counts, reasons, [Symbol.asyncDispose]: close };
  }

  it('is replaced before it ends, and no call is lost, safe to repeat or not', async () => {
    await using open = await openAging();
    for (let i = 0; i < 595; i++) {
      const calls = Promise.all([open.shop.run('a'), open.shop.echo(i), open.shop.add(i, 1)]);
      await open.clock.advance(100);
      await calls;
    }
    assert.deepEqual(open.counts, { opened: 6, open: 1, atOnce: 2 });
  });

  it('finishes what runs on it', async () => {
    let finish!: (value: string) => void;
    await using open = await openAging(() => new Promise((resolve) => (finish = resolve)));
    const held = open.shop.run('long');
    await open.clock.advance(14_000);
    assert.deepEqual(await open.shop.echo(1), [1]);
    assert.equal(open.counts.open, 2);
    finish('done');
    assert.equal(await held, 'done');
    await open.clock.advance(2_000);
    assert.equal(open.counts.open, 1);
  });

  it('is dropped when its grace is over, and calls go on by the other one', async () => {
    await using open = await openAging(() => new Promise(() => {}));
    const held = open.shop.run('for ever');
    const failed = assert.rejects(held, { code: 'UNAVAILABLE' });
    await open.clock.advance(16_000);
    await failed;
    assert.match(open.reasons[0]!, /this connection is old, and its grace is over \(connectionAge\.graceMs\)/);
    assert.deepEqual(await open.shop.echo(1), [1]);
  });
});
