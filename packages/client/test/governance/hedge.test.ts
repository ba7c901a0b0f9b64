import { testRows } from './row.js';
import { HEDGES } from './rows/hedges.js';

describe('hedging', function () {
  this.timeout(300_000);

  testRows(HEDGES);
});
