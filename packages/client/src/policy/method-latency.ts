import type { Call, Gate, Outcome } from '@org/rpc-core';
import { isLate } from '@org/rpc-core/internal';

/** For how long an answer is remembered: between one and two of these, in milliseconds. */
const WINDOW_MS = 10_000;

/** Answers after which something is known of a method. */
const ANSWERS_MIN = 20;

/**
 * How slow a method is at its slowest, as the maximum of the last ten to twenty seconds.
 *
 * Of a call that was given up twice, the later attempt counts with the time that it was given: it would have taken at least
 * that, so that the next ones are given more. One attempt alone says more of its node: did it count, a node that hangs would
 * have every trial call wait there until its deadline.
 */
export class MethodLatency implements Gate {
  #startedAt = 0;
  #currentMs = 0;
  #previousMs = 0;
  #answers = 0;

  /** What the slowest answer of late took, in milliseconds; `undefined` when too little is known. */
  slowMs(now: number): number | undefined {
    this.#turn(now);
    return this.#answers < ANSWERS_MIN ? undefined : Math.max(this.#currentMs, this.#previousMs);
  }

  settle(call: Call, outcome: Outcome): void {
    if (outcome !== undefined && !tellsLatency(call, outcome)) return;
    this.#turn(call.endedAt);
    const latencyMs = call.endedAt - call.startedAt;
    if (latencyMs > this.#currentMs) this.#currentMs = latencyMs;
    if (this.#answers < ANSWERS_MIN) this.#answers++;
  }

  #turn(now: number): void {
    const windows = (now - this.#startedAt) / WINDOW_MS;
    if (windows < 1) return;
    this.#previousMs = windows < 2 ? this.#currentMs : 0;
    this.#currentMs = 0;
    this.#startedAt = now;
  }
}

/** Answers, and attempts given up after another one was. A server that was lost says nothing of the method. */
function tellsLatency(call: Call, outcome: NonNullable<Outcome>): boolean {
  if (outcome.progress === 'processed') return true;
  return outcome.code === 'DEADLINE_EXCEEDED' && !isLate(outcome) && wasGivenUpBefore(call);
}

function wasGivenUpBefore(call: Call): boolean {
  return call.root.attempts?.some(({ code }) => code === 'DEADLINE_EXCEEDED') ?? false;
}
