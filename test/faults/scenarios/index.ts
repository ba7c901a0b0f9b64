import type { Scenario } from '../scenario.js';
import { CLUSTERS } from './clusters.js';
import { CROWDS } from './crowds.js';
import { ENTRIES } from './entries.js';
import { LIMITS, PERMISSIONS } from './limits.js';
import { LONG_OUTAGE, OUTAGES } from './outages.js';
import { SERVERS } from './servers.js';

/** All faults, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  ...OUTAGES,
  LONG_OUTAGE,
  ...ENTRIES,
  ...CLUSTERS,
  ...LIMITS,
  ...PERMISSIONS,
  ...CROWDS,
  ...SERVERS,
];
