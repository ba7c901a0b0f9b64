import type { Cancel, Random } from '@org/rpc-core';
import type { Loop, OpenLoad } from './load.js';
import { type LoopHost, Slot } from './slot.js';

/**
 * Sends calls on a schedule. Timers are coarse (1 ms and more) and come late when the process is busy, so each tick sends all
 * calls that are due by then, each with the time at which it should have been sent. None is skipped, and the lateness counts as
 * latency: that avoids coordinated omission (G. Tene, "How NOT to Measure Latency", 2013; wrk2).
 */
export function createOpenLoop(host: LoopHost, load: OpenLoad, random: Random): Loop {
  const { clock } = host;
  const free: Slot[] = [];
  const meanGapMs = 1000 / load.ratePerSecond;
  // 1 - random() is never 0, whose logarithm would be infinite.
  const gapMs = load.arrivals === 'uniform' ? () => meanGapMs : () => -Math.log(1 - random()) * meanGapMs;
  let slots = 0;
  let dueAt = Number.POSITIVE_INFINITY;
  let stopped = false;
  let cancelTick: Cancel | undefined;

  const onFree = (slot: Slot): void => {
    free.push(slot);
  };
  const takeSlot = (): Slot | undefined => {
    const slot = free.pop();
    if (slot !== undefined || slots === load.maxInFlight) return slot;
    slots++;
    return new Slot(host, onFree);
  };
  const sendDue = (): void => {
    const now = clock.now();
    for (; dueAt <= now && !stopped; dueAt += gapMs()) {
      const slot = takeSlot();
      if (slot === undefined) host.dropped(dueAt);
      else if (host.admit(dueAt)) slot.send(dueAt, clock.now());
      else free.push(slot);
    }
  };
  const tick = (): void => {
    sendDue();
    if (!stopped) cancelTick = clock.schedule(dueAt - clock.now(), tick);
  };
  return {
    start() {
      dueAt = clock.now() + gapMs();
      tick();
    },
    stop() {
      if (stopped) return;
      sendDue();
      stopped = true;
      cancelTick?.();
    },
  };
}
