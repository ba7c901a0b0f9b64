import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { TokenSource } from './token-source.js';

describe('TokenSource', () => {
  it('asks once for connections that are made together, and anew for the next', async () => {
    let asked = 0;
    const source = new TokenSource(async () => `token-${++asked}`, new FakeClock(0));
    assert.deepEqual(await Promise.all([source.get(), source.get(), source.get()]), ['token-1', 'token-1', 'token-1']);
    assert.equal(await source.get(), 'token-2');
  });

  it('gives up on a function that does not answer', async () => {
    const clock = new FakeClock(0);
    const source = new TokenSource(() => new Promise(() => {}), clock);
    const failed = assert.rejects(source.get(), { code: 'UNAUTHENTICATED', message: /no token came within 5000 ms/ });
    await clock.advance(5_000);
    await failed;
  });

  it('shows nothing of what is no token', async () => {
    for (const given of ['secret with spaces', 'se\ncret', 'x'.repeat(6_145), '', 7, undefined] as never[]) {
      const source = new TokenSource(() => given, new FakeClock(0));
      await assert.rejects(
        source.get(),
        (error: Error) => /visible ASCII/.test(error.message) && !/secret|cret/.test(error.message),
      );
    }
  });
});
