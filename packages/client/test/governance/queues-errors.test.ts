import { testRows } from './row.js';
import { RARE_ERRORS } from './rows/rare-errors.js';

describe('a rare error of all nodes alike', function () {
  this.timeout(120_000);

  testRows(RARE_ERRORS);
});
