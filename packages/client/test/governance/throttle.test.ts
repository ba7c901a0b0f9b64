import { testRows } from './row.js';
import { THROTTLE } from './rows/throttle.js';

describe('the throttle', function () {
  this.timeout(120_000);

  testRows(THROTTLE);
});
