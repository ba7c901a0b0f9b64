import type { Scenario } from '../scenario.js';
import { CLUSTERS } from './clusters.js';
import { CROWDS } from './crowds.js';
import { ENTRIES } from './entries.js';
import { HOSTS } from './hosts.js';
import { LIMITS, PERMISSIONS } from './limits.js';
import { LINES, LINES_IN_TURN } from './lines.js';
import { LONG_OUTAGE, OUTAGES } from './outages.js';
import { PROCESSES, PROCESSES_IN_TURN } from './processes.js';
import { SERVERS } from './servers.js';

const REGISTRY: readonly Scenario[] = [
  ...OUTAGES,
  LONG_OUTAGE,
  ...ENTRIES,
  ...CLUSTERS,
  ...LIMITS,
  ...PERMISSIONS,
  ...CROWDS,
];

/** All faults, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [...REGISTRY, ...SERVERS, ...PROCESSES, ...HOSTS, ...LINES];

/** The same for a test, which brings several upon the same servers. */
export const TESTED: readonly Scenario[] = [...REGISTRY, ...SERVERS, ...PROCESSES_IN_TURN, ...LINES_IN_TURN];
