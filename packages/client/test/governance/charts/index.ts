import type { Chart } from '../chart.js';
import { hedge, retry, stopBelow, timeout } from './attempts.js';
import { breaker, ejection, failureWhen, fallback } from './failures.js';
import { concurrency, rateLimit, switchedOff, throttle } from './limits.js';
import { balancing, broadcast, nearFirst, subset, weights } from './nodes.js';
import { fault, mirror, retryLater, routes } from './traffic.js';

/** The chart of each page, by the page's name. Each run gives the same bytes on every machine. */
export const CHARTS: Readonly<Record<string, () => Promise<Chart>>> = {
  'load-balancing': balancing,
  weights,
  'local-first': nearFirst,
  subset,
  routes,
  retry,
  timeout,
  'stop-below': stopBelow,
  hedge,
  breaker,
  ejection,
  'failure-when': failureWhen,
  throttle,
  'rate-limit': rateLimit,
  concurrency,
  switch: switchedOff,
  fallback,
  'retry-later': retryLater,
  broadcast,
  mirror,
  fault,
};
