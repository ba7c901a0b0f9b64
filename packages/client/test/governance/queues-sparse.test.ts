import { testRows } from './row.js';
import { knowing } from './rows/knowing.js';

describe('many clients that know little of many nodes', function () {
  this.timeout(120_000);

  // The command has them with more nodes.
  testRows(knowing(6));
});
