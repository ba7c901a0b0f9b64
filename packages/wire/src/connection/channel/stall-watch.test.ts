import assert from 'node:assert/strict';
import { StallWatch } from './stall-watch.js';

describe('the stall watch: frames', () => {
  it('gives a frame so long from when it was first seen incomplete', () => {
    const watch = new StallWatch();
    assert.equal(watch.isFrameStalled(true, 0, 1_000, 500), false);
    assert.equal(watch.isFrameStalled(true, 0, 1_500, 500), false);
    assert.equal(watch.isFrameStalled(true, 0, 1_501, 500), true);
  });

  it('begins anew with each frame', () => {
    const watch = new StallWatch();
    for (let now = 0, frames = 0; now < 5_000; now += 400, frames++)
      assert.equal(watch.isFrameStalled(true, frames, now, 500), false);
  });

  it('has nothing against silence between two frames', () => {
    const watch = new StallWatch();
    watch.isFrameStalled(true, 0, 0, 500);
    assert.equal(watch.isFrameStalled(false, 1, 400, 500), false);
    assert.equal(watch.isFrameStalled(false, 1, 9_000, 500), false);
    assert.equal(watch.isFrameStalled(true, 1, 9_001, 500), false);
  });
});

describe('the stall watch: writing', () => {
  it('is stalled when nothing was taken for so long since the queue was full', () => {
    const watch = new StallWatch();
    assert.equal(watch.isWriteStalled(0, 9_000, 500), false);
    watch.full(7, 10_000);
    assert.equal(watch.isFull, true);
    assert.equal(watch.isWriteStalled(7, 10_500, 500), false);
    assert.equal(watch.isWriteStalled(7, 10_501, 500), true);
  });

  it('has nothing against a peer that reads slowly', () => {
    const watch = new StallWatch();
    watch.full(0, 0);
    for (let now = 400, taken = 1; now < 5_000; now += 400, taken++)
      assert.equal(watch.isWriteStalled(taken, now, 500), false);
    assert.equal(watch.isWriteStalled(12, 5_301, 500), true);
  });

  it('ends with the queue', () => {
    const watch = new StallWatch();
    watch.full(0, 0);
    watch.drained();
    assert.equal(watch.isFull, false);
    assert.equal(watch.isWriteStalled(0, 9_000, 500), false);
  });
});
