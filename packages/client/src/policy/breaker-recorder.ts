import { EventEmitter } from 'node:events';
import type { BreakerOptions } from '@org/rpc-core';
import type { Complete } from '@org/rpc-core/internal';
import CircuitBreaker from 'opossum';

/** Buckets of a breaker's window: each counts a tenth of it. */
export const BUCKETS = 10;

/** What a {@link BreakerRecorder} reports, a microtask or two after the outcome that caused it. */
export interface BreakerRecorderEvents {
  opened(): void;
  closed(): void;
}

/** The outcomes in a window, by bucket, the current one first. */
export interface BreakerHistory {
  readonly successes: readonly number[];
  readonly failures: readonly number[];
}

/**
 * The sliding window of outcomes of one node and method: opossum, beside the path of the calls and not in it.
 *
 * Nothing runs through it. Outcomes that decide nothing are counted in its window and no more, since a node of which one call in a
 * hundred fails has all its calls counted here: to be fired they would cost more than to be made, and opossum remembers how long each
 * one took, without a bound. One that may decide is recorded by firing it on a promise that is already settled. The window is turned by
 * `rotation`, and of its timers none is used: `timeout` and `enableSnapshots` are off, and when it opens it is shut down
 * before its `resetTimeout`, which cannot be switched off, matters. So it brings no real time into the client, and calls that
 * end late or never cannot confuse it.
 */
export class BreakerRecorder {
  readonly #breaker: CircuitBreaker<[ok: boolean], boolean>;
  readonly #options: Complete<BreakerOptions>;
  readonly #rotation: EventEmitter;
  /** Its next outcome decides, whatever that is. */
  readonly #isHalfOpen: boolean;
  /** The buckets, the current one first. */
  #window: readonly CircuitBreaker.Window[number][];
  /** Runs when opossum has turned its window, which replaces the list of buckets. */
  readonly #turned = (): void => {
    this.#window = this.#breaker.status.window;
  };

  private constructor(
    options: Complete<BreakerOptions>,
    rotation: EventEmitter,
    events: BreakerRecorderEvents,
    history: BreakerHistory,
    state: InitialState,
  ) {
    const settings = {
      timeout: false,
      errorThresholdPercentage: options.errorPercent,
      volumeThreshold: options.minCalls,
      rollingCountTimeout: options.windowMs,
      rollingCountBuckets: BUCKETS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      resetTimeout: RESET_NEVER_MS,
      rotateBucketController: rotation,
    } as const;
    const status = CircuitBreaker.newStatus(settings);
    // Each count goes into the bucket of its own age, so that it leaves the window in time. `window` copies the list of buckets,
    // not the buckets.
    status.window.forEach((bucket, age) => {
      bucket.successes = history.successes[age] ?? 0;
      bucket.failures = history.failures[age] ?? 0;
      bucket.fires = bucket.successes + bucket.failures;
    });
    const initial: CircuitBreaker.Options<[ok: boolean]> & { state: InitialState } = { ...settings, status, state };
    this.#breaker = new CircuitBreaker(settle, initial);
    this.#options = options;
    this.#rotation = rotation;
    this.#isHalfOpen = state.halfOpen;
    this.#window = status.window;
    // After opossum's own, which was added with its status.
    rotation.on('rotate', this.#turned);
    this.#breaker.on('open', () => {
      this.close();
      events.opened();
    });
    this.#breaker.on('close', () => events.closed());
  }

  /**
   * A window in use.
   * @param history - what is known so far. Without the successes the window would hold only the first failures, which would open it.
   */
  static armed(
    options: Complete<BreakerOptions>,
    rotation: EventEmitter,
    events: BreakerRecorderEvents,
    history: BreakerHistory,
  ): BreakerRecorder {
    return new BreakerRecorder(options, rotation, events, history, { enabled: true, closed: true, halfOpen: false });
  }

  /** A recorder whose next outcome decides: a success closes it with an empty window, a failure opens it. */
  static halfOpen(options: Complete<BreakerOptions>, events: BreakerRecorderEvents): BreakerRecorder {
    // It has no window to turn: it is over with the outcome.
    return new BreakerRecorder(options, new EventEmitter(), events, NO_HISTORY, {
      enabled: true,
      closed: false,
      halfOpen: true,
    });
  }

  /** Counts one outcome. */
  record(ok: boolean): void {
    if (this.#isHalfOpen || (!ok && this.#mayOpen())) {
      this.#breaker.fire(ok).catch(ignore);
      return;
    }
    const bucket = this.#window[0]!;
    bucket.fires++;
    if (ok) bucket.successes++;
    else bucket.failures++;
  }

  /** Whether one failure more is a reason to open, by what opossum goes by when it is asked. */
  #mayOpen(): boolean {
    let fires = 1;
    let failures = 1;
    for (const bucket of this.#window) {
      fires += bucket.fires;
      failures += bucket.failures;
    }
    const { errorPercent, minCalls } = this.#options;
    return fires >= minCalls && (failures / fires) * 100 > errorPercent;
  }

  /** Whether a failure lies in the window. */
  get hasFailures(): boolean {
    return this.#window.some((bucket) => bucket.failures > 0);
  }

  /** What is in the window. */
  get history(): BreakerHistory {
    return {
      successes: this.#window.map((bucket) => bucket.successes),
      failures: this.#window.map((bucket) => bucket.failures),
    };
  }

  /** Lets go of everything; nothing is recorded or reported any more. */
  close(): void {
    this.#rotation.off('rotate', this.#turned);
    this.#breaker.shutdown();
  }
}

const NO_HISTORY: BreakerHistory = { successes: [], failures: [] };

/** How a breaker of opossum starts; its types leave this option out. */
interface InitialState {
  readonly enabled: boolean;
  readonly closed: boolean;
  readonly halfOpen: boolean;
}

/** The longest timer that Node takes: it is stopped the moment that it is started. */
const RESET_NEVER_MS = 2 ** 31 - 1;

const ignore = (): void => {};
const SUCCEEDED = Promise.resolve(true);
const FAILED = Promise.reject(new Error('recorded as failed'));
FAILED.catch(ignore);

function settle(ok: boolean): Promise<boolean> {
  return ok ? SUCCEEDED : FAILED;
}
