import { testRows } from './row.js';
import { DEADLINES } from './rows/deadlines.js';

describe('the deadline of an attempt', function () {
  this.timeout(300_000);

  testRows(DEADLINES);
});
