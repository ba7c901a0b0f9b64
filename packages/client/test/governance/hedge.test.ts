import { testRows } from './row.js';
import { HEDGES, SLOWER_NODES } from './rows/hedges.js';

describe('hedging', function () {
  this.timeout(300_000);

  testRows(HEDGES);
  // The command has the others.
  testRows(SLOWER_NODES.filter(({ scene }) => scene.includes('30 % busy')));
});
