import assert from 'node:assert/strict';
import { resolveCompression } from './compression-options.js';

describe('the option compression', () => {
  it('is off unless it is asked for', () => {
    assert.deepEqual([resolveCompression('x', undefined), resolveCompression('x', false)], [undefined, undefined]);
  });

  it('has defaults for what is not said', () => {
    assert.deepEqual(resolveCompression('x', true), { aboveBytes: 1_024, level: 1 });
    assert.deepEqual(resolveCompression('x', { level: undefined }), { aboveBytes: 1_024, level: 1 });
    assert.deepEqual(resolveCompression('x', { aboveBytes: 0 }), { aboveBytes: 0, level: 1 });
    assert.deepEqual(resolveCompression('x', { level: 9 }), { aboveBytes: 1_024, level: 9 });
  });
});
