import assert from 'node:assert/strict';
import { RateWindow } from './flood-guard.js';

describe('the rate window', () => {
  it('allows so many in ten seconds and no more', () => {
    const window = new RateWindow();
    for (let i = 0; i < 3; i++) assert.equal(window.exceeds(3, 1_000 + i), false);
    assert.equal(window.exceeds(3, 10_999), true);
  });

  it('begins anew after ten seconds', () => {
    const window = new RateWindow();
    for (let i = 0; i < 5; i++) window.exceeds(3, 1_000);
    assert.equal(window.exceeds(3, 10_999), true);
    assert.equal(window.exceeds(3, 11_000), false);
  });
});
