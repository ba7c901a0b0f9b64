import assert from 'node:assert/strict';
import { Spill } from './spill.js';

/** Near calls, one a millisecond, and a far one each twenty. */
function fed(nearMs: number, farMs: number, calls = 20_000, spill = new Spill(0), from = 0): Spill {
  for (let now = from; now < from + calls; now++) {
    spill.settled(true, nearMs, 'ok', now);
    if (now % 20 === 0) spill.settled(false, farMs, 'ok', now);
  }
  return spill;
}

describe('the share of calls that leave their zone', () => {
  it('is what tells how others do, as long as near nodes are about as fast', () => {
    for (const [near, far] of [
      [10, 10],
      [11, 10],
      [1, 30],
      [0.4, 0.2],
    ] as const)
      assert.equal(fed(near, far).share, 0.04);
  });

  it('rises to all while near nodes are slower, and falls again', () => {
    const spill = fed(30, 10);
    assert.equal(spill.share, 1);
    assert.equal(fed(10, 10, 20_000, spill, 20_000).share, 0.04);
  });

  it('is home 3 s after near nodes are well again, and after a few hundred answers where calls are rare', () => {
    assert.equal(fed(10, 10, 3_000, fed(40, 10), 20_000).share, 0.04);
    const rare = fed(40, 10);
    for (let i = 0; i < 200; i++) rare.settled(true, 10, 'ok', 20_000 + i * 30);
    assert.equal(rare.share, 0.04);
  });

  it('begins with all calls, and takes a while to fall, however many there are', () => {
    assert.equal(new Spill(0).share, 1);
    const spill = fed(11, 10, 200);
    for (let i = 0; i < 10_000; i++) spill.settled(true, 11, 'ok', 200 + i / 100);
    assert.ok(spill.share > 0.1, `${spill.share}`);
  });

  it('does not count what the way there takes', () => {
    // The fastest answer of each shows the way: 20 ms more.
    const spill = new Spill(0);
    for (let now = 0; now < 8_000; now++) {
      spill.settled(true, now % 10 === 0 ? 1 : 22, 'ok', now);
      if (now % 20 === 0) spill.settled(false, now % 100 === 0 ? 21 : 30, 'ok', now);
    }
    assert.ok(spill.share > 0.9, `${spill.share}`);
  });

  it('rises when near nodes refuse for overload, and counts no other failure', () => {
    const spill = fed(10, 10);
    for (let now = 20_000; now < 40_000; now++) spill.settled(true, 1, now % 2 === 0 ? 'overload' : 'ok', now);
    assert.ok(spill.share > 0.04, `${spill.share}`);
    const other = fed(10, 10);
    for (let now = 20_000; now < 40_000; now++) other.settled(true, 1_000, 'failure', now);
    assert.equal(other.share, 0.04);
  });
});
