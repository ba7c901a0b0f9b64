import type { EventEmitter } from 'node:events';
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

/**
 * The sliding window of outcomes of one node and method: opossum, beside the path of the calls and not in it.
 *
 * Nothing runs through it. An outcome is recorded by firing it on a promise that is already settled, its window is turned by
 * `rotation`, and of its timers none is used: `timeout` and `enableSnapshots` are off, and when it opens it is shut down
 * before its `resetTimeout`, which cannot be switched off, matters. So it brings no real time into the client, and calls that
 * end late or never cannot confuse it.
 */
export class BreakerRecorder {
  readonly #breaker: CircuitBreaker<[ok: boolean], boolean>;

  private constructor(
    options: Complete<BreakerOptions>,
    rotation: EventEmitter,
    events: BreakerRecorderEvents,
    history: readonly number[],
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
      bucket.successes = history[age] ?? 0;
      bucket.fires = bucket.successes;
    });
    const initial: CircuitBreaker.Options<[ok: boolean]> & { state: InitialState } = { ...settings, status, state };
    this.#breaker = new CircuitBreaker(settle, initial);
    this.#breaker.on('open', () => {
      this.close();
      events.opened();
    });
    this.#breaker.on('close', () => events.closed());
  }

  /**
   * A window in use.
   * @param history - the successes so far, the current bucket first. Without them the window would hold only the first failures,
   * which would open it.
   */
  static armed(
    options: Complete<BreakerOptions>,
    rotation: EventEmitter,
    events: BreakerRecorderEvents,
    history: readonly number[],
  ): BreakerRecorder {
    return new BreakerRecorder(options, rotation, events, history, { enabled: true, closed: true, halfOpen: false });
  }

  /** A recorder whose next outcome decides: a success closes it with an empty window, a failure opens it. */
  static halfOpen(
    options: Complete<BreakerOptions>,
    rotation: EventEmitter,
    events: BreakerRecorderEvents,
  ): BreakerRecorder {
    return new BreakerRecorder(options, rotation, events, [], { enabled: true, closed: false, halfOpen: true });
  }

  /** Counts one outcome. */
  record(ok: boolean): void {
    this.#breaker.fire(ok).catch(ignore);
  }

  /** Whether a failure lies in the window. */
  get hasFailures(): boolean {
    return this.#breaker.status.window.some((bucket) => bucket.failures > 0);
  }

  /** The successes in the window, the current bucket first. */
  get successes(): number[] {
    return this.#breaker.status.window.map((bucket) => bucket.successes);
  }

  /** Lets go of everything; nothing is recorded or reported any more. */
  close(): void {
    this.#breaker.shutdown();
  }
}

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
