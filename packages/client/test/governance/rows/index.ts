import type { Row } from '../row.js';
import { AT_SCALE } from './at-scale.js';
import { BALANCING } from './balancing.js';
import { DEADLINES } from './deadlines.js';
import { EJECTION } from './ejection.js';
import { EVEN } from './even.js';
import { HEDGES, SLOWER_NODES } from './hedges.js';
import { ILL_NODES } from './ill-nodes.js';
import { knowing } from './knowing.js';
import { ONE_METHOD } from './one-method.js';
import { POISON } from './poison.js';
import { RARE_ERRORS } from './rare-errors.js';
import { RETRIES } from './retries.js';
import { THROTTLE } from './throttle.js';
import { ZONES } from './zones.js';

/** The promises about load of which a run takes seconds, in the order of the pages. */
export const ROWS: readonly Row[] = [
  ...BALANCING,
  ...ILL_NODES,
  ...ONE_METHOD,
  ...EVEN,
  ...RARE_ERRORS,
  ...DEADLINES,
  ...POISON,
  ...knowing(6),
  ...ZONES,
  ...EJECTION,
  ...HEDGES,
  ...SLOWER_NODES,
  ...RETRIES,
  ...THROTTLE,
];

/** Those at the size of a fleet, which take minutes. */
export const FULL_ROWS: readonly Row[] = AT_SCALE;
