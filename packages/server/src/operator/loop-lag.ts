import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Clock, systemClock } from '@org/rpc-core';

/** How often the loop is looked at between two ticks, in milliseconds: a stand-still is seen but for so much of it. */
const SAMPLE_MS = 20;

/** How far back the worst one is looked for, in milliseconds. */
const SPAN_MS = 60_000;
/** Of so many spans each keeps its worst one. */
const PARTS = 60;
const PART_MS = SPAN_MS / PARTS;

/** The part of a histogram of `monitorEventLoopDelay` that is used here: `max` is in nanoseconds, and counts the whole interval. */
export interface LoopDelays {
  readonly max: number;
  enable(): unknown;
  disable(): unknown;
  reset(): void;
}

/** What measures the delays of the real event loop, at 1.5 ms of CPU a second; nothing for a clock that is not the process's own. */
export function loopDelays(clock: Clock): LoopDelays | undefined {
  return clock === systemClock ? monitorEventLoopDelay({ resolution: SAMPLE_MS }) : undefined;
}

/**
 * How late the event loop was, told by the ticks of a server about once a second. A tick alone would miss whatever begins and ends between
 * two of them, for minutes where that comes at a steady period: so what Node.js has measured in between counts too.
 */
export class LoopLag {
  readonly #delays: LoopDelays | undefined;
  #lastMs = 0;
  #tickedAt = 0;
  /** The worst of each part, in a ring, and the number of the part that it is of. */
  readonly #worst = new Float64Array(PARTS);
  readonly #part = new Float64Array(PARTS).fill(-1);

  /** @param delays - what measures between two ticks; left out: nothing does */
  constructor(delays?: LoopDelays) {
    this.#delays = delays;
  }

  /** Begins to measure; harmless when it has begun. */
  begin(now: number): void {
    this.#tickedAt = now;
    this.#delays?.enable();
  }

  /** The next tick. @param everyMs - how long after the last one it was due */
  tick(now: number, everyMs: number): void {
    const sampledMs = (this.#delays?.max ?? 0) / 1e6 - SAMPLE_MS;
    this.#delays?.reset();
    this.record(Math.max(now - this.#tickedAt - everyMs, sampledMs), now);
    this.#tickedAt = now;
  }

  /** Stops to measure; what was measured stays. */
  end(): void {
    this.#delays?.disable();
  }

  /** @param now - milliseconds of the clock, 0 or more */
  record(lateMs: number, now: number): void {
    this.#lastMs = Math.max(0, lateMs);
    const part = Math.floor(now / PART_MS);
    const at = part % PARTS;
    if (this.#part[at] !== part) this.#worst[at] = 0;
    this.#part[at] = part;
    this.#worst[at] = Math.max(this.#worst[at]!, this.#lastMs);
  }

  /** The worst since the tick before the last one, in milliseconds. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** The worst of the last minute, in milliseconds. */
  worstMs(now: number): number {
    const from = Math.floor(now / PART_MS) - PARTS;
    let worst = 0;
    for (let at = 0; at < PARTS; at++) if (this.#part[at]! > from) worst = Math.max(worst, this.#worst[at]!);
    return worst;
  }
}
