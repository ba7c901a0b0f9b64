import type { Row } from '../row.js';
import { BALANCING } from './balancing.js';
import { DEADLINES } from './deadlines.js';
import { EJECTION } from './ejection.js';
import { EVEN } from './even.js';
import { HEDGES, SLOWER_NODES } from './hedges.js';
import { ILL_NODES } from './ill-nodes.js';
import { POISON } from './poison.js';
import { RARE_ERRORS } from './rare-errors.js';
import { RETRIES } from './retries.js';
import { THROTTLE } from './throttle.js';

/** Every promise about load, in the order of the pages. */
export const ROWS: readonly Row[] = [
  ...BALANCING,
  ...ILL_NODES,
  ...EVEN,
  ...RARE_ERRORS,
  ...DEADLINES,
  ...POISON,
  ...EJECTION,
  ...HEDGES,
  ...SLOWER_NODES,
  ...RETRIES,
  ...THROTTLE,
];
