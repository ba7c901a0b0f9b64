import { type Clock, systemClock } from '@org/rpc-core';

/**
 * The real clock, but pauses of up to half a second are a twentieth of that: for what polls files, whose tests wait for real
 * changes and so can't run on a virtual clock.
 */
export const quickClock: Clock = {
  ...systemClock,
  schedule: (delayMs, run, background) =>
    systemClock.schedule(delayMs <= 500 ? delayMs / 20 : delayMs, run, background),
};
