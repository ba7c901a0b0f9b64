import { testRows } from './row.js';
import { EVEN } from './rows/even.js';

describe('nodes that are well', function () {
  this.timeout(300_000);

  testRows(EVEN);
});
