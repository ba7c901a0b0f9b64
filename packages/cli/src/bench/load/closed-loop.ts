import type { ClosedLoad, Loop } from './load.js';
import { type LoopHost, Slot } from './slot.js';

/**
 * After this many calls the next one waits until the sockets were polled. Calls that are answered within this process (by a
 * limit, a fallback) would otherwise follow each other in microtasks for ever, and no timer could end the run.
 */
const CALLS_PER_POLL = 256;

/** Keeps a fixed number of calls in flight. A call is due when it is sent, so its latency is counted from there. */
export function createClosedLoop(host: LoopHost, load: ClosedLoad): Loop {
  const { clock } = host;
  let calls = 0;
  let stopped = false;
  const next = (slot: Slot, now: number): void => {
    if (!stopped && host.admit(now)) slot.send(now, now);
  };
  const onFree = (slot: Slot, endedAt: number): void => {
    if (++calls % CALLS_PER_POLL === 0) clock.afterPoll(() => next(slot, clock.now()));
    else next(slot, endedAt);
  };
  return {
    start() {
      for (let index = 0; index < load.concurrency; index++) next(new Slot(host, onFree), clock.now());
    },
    stop() {
      stopped = true;
    },
  };
}
