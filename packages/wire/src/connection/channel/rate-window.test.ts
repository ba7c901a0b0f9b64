import assert from 'node:assert/strict';
import { RateWindow } from './rate-window.js';

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

  it('allows a share of what has happened since the window began, not of what was before', () => {
    const window = new RateWindow();
    assert.equal(window.exceeds(1, 0, 0.5, 1_000_000), false);
    assert.equal(window.exceeds(1, 1, 0.5, 1_000_000), true);
    assert.equal(window.exceeds(1, 2, 0.5, 1_000_004), false);
    assert.equal(window.exceeds(1, 3, 0.5, 1_000_004), true);
    assert.equal(window.exceeds(1, 10_000, 0.5, 2_000_000), false);
    assert.equal(window.exceeds(1, 10_001, 0.5, 2_000_000), true);
  });
});
