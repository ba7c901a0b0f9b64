import type { Call } from '@org/rpc-core';
import { waitFor } from '@org/rpc-core/internal';
import type { PickerEnvironment, PickerNode } from './picker.js';

/** What a server has said of itself is news for this share of the time that its calls take, and for at least a millisecond. */
const FRESH_SHARE = 0.1;
const FRESH_MIN_MS = 1;

/** A question is worth this share of the time that calls take, and never more than so many milliseconds. */
const WORTH_SHARE = 0.1;
const WORTH_MAX_MS = 20;

/** One question in so many is asked all the same, without a wait for its answer: answers may have become faster. */
const TRY_EVERY = 64;

/**
 * Asks two nodes how busy they are, for a picker that is about to choose between them. A client that seldom calls a node knows nothing of
 * it: what others do there, it cannot see.
 *
 * It asks only where an answer comes in a tenth of the time that calls take; twice that is the longest wait.
 *
 * Source: B. Wydrowski and others, "Load is not what you should balance: Introducing Prequal" (NSDI 2024), its synchronous mode.
 */
export class LoadQuestion<N extends PickerNode> {
  readonly #environment: PickerEnvironment;
  /** How long answers take of late, in milliseconds. */
  #answerMs = 0;
  #skipped = 0;

  constructor(environment: PickerEnvironment) {
    this.#environment = environment;
  }

  /** Whether both have said lately how busy they are. */
  isAnswered(a: N, b: N, now: number): boolean {
    const freshMs = Math.max(FRESH_MIN_MS, FRESH_SHARE * usualMs(a, b, now));
    return reportedAt(a) >= now - freshMs && reportedAt(b) >= now - freshMs;
  }

  /**
   * Asks both.
   * @returns resolves when both have answered, or when it is not worth to wait any longer; rejects with the call's deadline. `undefined`
   * when there is nothing to wait for
   */
  ask(call: Call, a: N, b: N, now: number): Promise<void> | undefined {
    const worthMs = Math.min(WORTH_MAX_MS, WORTH_SHARE * usualMs(a, b, now));
    const isWorth = this.#answerMs <= worthMs;
    if (!isWorth && ++this.#skipped % TRY_EVERY !== 0) return undefined;
    const { clock } = this.#environment;
    let awaited = 0;
    let done: (() => void) | undefined;
    const onAnswer = (): void => {
      this.#took(clock.now() - now);
      if (--awaited === 0) done?.();
    };
    for (const node of [a, b]) if (node.askLoad?.(onAnswer) === true) awaited++;
    if (awaited === 0 || !isWorth) return undefined;
    const waiting = waitFor<void>(clock, call, 'nodes to say how busy they are', () => cancelTimer());
    done = () => waiting.done();
    const cancelTimer = clock.schedule(2 * worthMs, () => {
      this.#took(2 * worthMs);
      waiting.done();
    });
    return waiting.promise;
  }

  /**
   * The less busy for its weight by what they have said; the one that has said anything lately, if only one has; `undefined` when neither is.
   */
  lessBusy(a: N, b: N, now: number): N | undefined {
    const [atA, atB] = [reportedAt(a), reportedAt(b)];
    const oldest = now - Math.max(FRESH_MIN_MS, FRESH_SHARE * usualMs(a, b, now)) - 2 * WORTH_MAX_MS;
    if (atA < oldest !== atB < oldest) return atA < oldest ? b : a;
    const [busyA, busyB] = [busy(a), busy(b)];
    if (busyA === busyB || atA < oldest) return undefined;
    return busyA < busyB ? a : b;
  }

  #took(ms: number): void {
    this.#answerMs += (ms - this.#answerMs) / 8;
  }
}

/** When a node last said how busy it is. */
function reportedAt({ load }: PickerNode): number {
  return load.reported?.at ?? Number.NEGATIVE_INFINITY;
}

/** Calls under way there, this one included, for its weight. What was sent since it said so is known here. */
function busy({ load, endpoint }: PickerNode): number {
  return (Math.max(load.reported?.inFlight ?? 0, load.inFlight) + 1) / (endpoint.weight || 1);
}

function usualMs(a: PickerNode, b: PickerNode, now: number): number {
  return Math.max(a.load.estimateMs(now), b.load.estimateMs(now));
}
