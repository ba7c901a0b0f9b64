import assert from 'node:assert/strict';
import { denialShutter } from './shutter.js';

describe('denialShutter', () => {
  it('has a trial due after half a minute, and opens when that is answered or its peers deny alike', () => {
    let opened = 0;
    let isAlone = true;
    const shutter = denialShutter(
      1_000,
      () => 0.5,
      () => isAlone,
      () => opened++,
    );
    assert.deepEqual(
      [shutter.fault, shutter.from, shutter.isDue(1_000), shutter.isDue(41_000)],
      ['denied', 1_000, false, true],
    );
    shutter.recordProbe('denied', 41_000);
    assert.deepEqual([opened, shutter.isDue(41_001)], [0, false]);
    shutter.expedite(42_000);
    assert.equal(shutter.isDue(42_000), true);
    shutter.recordProbe('ok', 42_000);
    isAlone = false;
    shutter.recordProbe('denied', 43_000);
    assert.equal(opened, 2);
  });
});
