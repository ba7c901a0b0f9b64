import assert from 'node:assert/strict';
import { testRows } from './row.js';
import { RETRIES } from './rows/retries.js';

describe('the retry budget when everything fails', function () {
  this.timeout(120_000);

  testRows(RETRIES);

  it('lets its share through all the same', async () => {
    for (const { value, scene } of RETRIES.slice(2, 5)) assert.ok((await value(1)) > 1.1, scene);
  });
});
