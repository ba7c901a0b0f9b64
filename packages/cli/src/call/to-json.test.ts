import assert from 'node:assert/strict';
import { toJson } from './to-json.js';

describe('toJson', () => {
  it('has a form for every value that a method can give', () => {
    assert.equal(toJson(undefined), 'null');
    assert.equal(toJson(new Uint8Array([1, 2, 3])), '"AQID"');
    assert.deepEqual(JSON.parse(toJson({ id: 2n ** 60n, bytes: Buffer.from('hi'), list: [1, null] })), {
      id: '1152921504606846976',
      bytes: 'aGk=',
      list: [1, null],
    });
  });
});
