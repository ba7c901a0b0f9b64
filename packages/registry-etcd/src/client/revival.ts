import type { Cancel, Clock, Random } from '@org/rpc-core';

/** What a revival needs. */
export interface RevivalOptions {
  /** Asks etcd for next to nothing. Resolves with whether what was waited for has come. Never rejects. */
  readonly probe: () => Promise<boolean>;
  /**
   * Whether only a probe that succeeds after one that failed ends the waits. When all succeed, what failed was something that it does
   * not ask for, and nothing is gained by hurrying. Default false.
   */
  readonly mustFailFirst?: boolean | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

interface Waiter {
  readonly run: () => void;
  readonly cancel: Cancel;
}

/**
 * Lets all that wait to try again do so as soon as an etcd that was silent answers again, or one that refused admits, however
 * long their waits have become. For that, one small read at a time is made for the whole handle, at most every {@link PROBE_MAX_MS} and jittered, as long as
 * anybody waits: a refused connection costs neither side much, while long waits would add to an outage what it lasted.
 */
export class Revival {
  readonly #options: RevivalOptions;
  readonly #waiters = new Set<Waiter>();
  #boundMs = PROBE_FIRST_MS;
  #cancelProbe: Cancel | undefined;
  #probing = false;
  /** Whether a probe has failed since the last one that succeeded. */
  #hasFailed = false;
  #closed = false;

  constructor(options: RevivalOptions) {
    this.#options = options;
  }

  /** Runs something after a delay in milliseconds, or when etcd answers again if that is sooner. */
  schedule(delayMs: number, run: () => void): Cancel {
    if (this.#closed) return () => undefined;
    const end = (): void => {
      waiter.cancel();
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#rest();
    };
    const expire = (): void => {
      end();
      run();
    };
    const waiter: Waiter = { run: expire, cancel: this.#options.clock.schedule(delayMs, expire, true) };
    this.#waiters.add(waiter);
    if (this.#waiters.size === 1 && !this.#probing) this.#probeLater();
    return end;
  }

  /** Nobody waits any more, and nothing is run. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#waiters) cancel();
    this.#waiters.clear();
    this.#rest();
  }

  #rest(): void {
    this.#cancelProbe?.();
  }

  #probeLater(): void {
    const { clock, random } = this.#options;
    const delayMs = this.#boundMs * (1 - random() / 2);
    this.#boundMs = Math.min(PROBE_MAX_MS, this.#boundMs * 2);
    this.#cancelProbe = clock.schedule(delayMs, () => void this.#probe(), true);
  }

  async #probe(): Promise<void> {
    const { probe, mustFailFirst = false } = this.#options;
    this.#probing = true;
    const succeeded = await probe();
    this.#probing = false;
    if (this.#closed || this.#waiters.size === 0) return;
    if (!succeeded) {
      this.#hasFailed = true;
      return this.#probeLater();
    }
    const isNews = this.#hasFailed;
    this.#hasFailed = false;
    if (mustFailFirst && !isNews) return;
    // Who fails again comes back here, and is in for a longer wait than at the first time: the bound stays what it has become.
    for (const { run } of [...this.#waiters]) run();
  }
}

/** The bound of the wait before the first probe, in milliseconds; it doubles. */
const PROBE_FIRST_MS = 400;
/**
 * What that bound grows to: an etcd that is back is found within this, in milliseconds. With the first wait of a watch after that
 * (800 ms) it is still less than two seconds.
 */
const PROBE_MAX_MS = 1_000;
