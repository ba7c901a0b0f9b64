import assert from 'node:assert/strict';
import { resolveKeepalive } from './keepalive.js';

describe('the option keepalive', () => {
  it('has a default for what is left out', () => {
    const defaults = { idleMs: 10_000, suspectMs: 3_000, timeoutMs: 20_000 };
    assert.deepEqual(resolveKeepalive('createClient', undefined), defaults);
    assert.deepEqual(resolveKeepalive('createClient', { idleMs: 5_000 }), { ...defaults, idleMs: 5_000 });
    assert.equal(resolveKeepalive('createClient', { suspectMs: 30_000 }).timeoutMs, 30_000);
  });

  for (const [keepalive, reason] of [
    [{ idleMs: 999 }, /createClient: keepalive\.idleMs must be a number .*1000.*got 999/],
    [{ suspectMs: 600_001 }, /keepalive\.suspectMs must be a number/],
    [{ suspectMs: 5_000, timeoutMs: 4_999 }, /keepalive\.timeoutMs must be a number .*5000/],
    [{ timeoutMs: Number.NaN }, /keepalive\.timeoutMs/],
    [{ interval: 5 }, /createClient: keepalive.*interval/],
    [true, /keepalive must be \{ idleMs, suspectMs, timeoutMs \}/],
    [[], /keepalive must be/],
  ] as const)
    it(`refuses ${JSON.stringify(keepalive)}`, () => {
      assert.throws(() => resolveKeepalive('createClient', keepalive as never), reason);
    });
});
