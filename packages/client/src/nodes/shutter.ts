import type { Random, Trial } from '@org/rpc-core';
import { probeDelayMs } from '../policy/backoff.js';
import type { OutlierRecord } from '../policy/ejection.js';
import type { OutcomeKind } from '../policy/outcome.js';

/** How long a node that denies what its peers answer is left alone, in milliseconds: such a fault usually lasts. */
const DENIAL_PROBE_AFTER_MS = 30_000;

/** Keeps calls away from a node until a trial call has succeeded. A breaker is one. */
export interface Shutter {
  readonly fault: Trial['fault'];
  /** Since when, in the clock's milliseconds. */
  readonly from: number;
  isDue(now: number): boolean;
  recordProbe(kind: OutcomeKind, now: number): void;
  expedite(now: number): void;
}

/** What a trial call says of a node that is left alone for all methods. @param readmit - gives it calls again */
export function ejectionShutter(outlier: OutlierRecord, readmit: (now: number) => void): Shutter {
  return {
    fault: 'ejected',
    get from() {
      return outlier.ejectedAt;
    },
    isDue: (now) => outlier.isDue(now),
    expedite: (now) => outlier.expedite(now),
    recordProbe: (kind, now) => {
      if (kind === 'ok' || kind === 'business') readmit(now);
      else if (kind !== 'ignore') outlier.postpone(now);
    },
  };
}

/**
 * The same for a method that the node denies and its peers do not.
 * @param isAlone - whether its peers still answer it
 * @param open - gives it calls of the method again
 */
export function denialShutter(
  from: number,
  random: Random,
  isAlone: (now: number) => boolean,
  open: () => void,
): Shutter {
  let probeAt = from + probeDelayMs(DENIAL_PROBE_AFTER_MS, 0, random);
  return {
    fault: 'denied',
    from,
    isDue: (now) => now >= probeAt,
    expedite: (now) => {
      probeAt = Math.min(probeAt, now);
    },
    recordProbe: (kind, now) => {
      if (kind === 'ok' || kind === 'business' || !isAlone(now)) open();
      else if (kind !== 'ignore') probeAt = now + probeDelayMs(DENIAL_PROBE_AFTER_MS, now - from, random);
    },
  };
}
