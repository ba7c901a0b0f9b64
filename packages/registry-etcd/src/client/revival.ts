import type { Cancel, Clock, Random } from '@org/rpc-core';

/** What a revival needs. */
export interface RevivalOptions {
  /** Makes a small read. Resolves with whether etcd is well again. Never rejects. */
  readonly probe: () => Promise<boolean>;
  /**
   * Whether a probe ends the waits only after another probe has failed. When all probes succeed, the failure was about something
   * that they do not read, and trying earlier gains nothing. Default false.
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
 * Ends all waits of the backoff as soon as a silent etcd answers again, or a refusing one admits. While anybody waits, the handle
 * makes one small read at a time, with jitter and at least every {@link PROBE_MAX_MS}. A refused connection costs neither side
 * much, while a long backoff would make an outage last longer than it does.
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
    // A try that fails again comes back here; the bound of the probes is not reset, so it waits longer than the first time.
    for (const { run } of [...this.#waiters]) run();
  }
}

/** The bound of the wait before the first probe, in milliseconds; it doubles. */
const PROBE_FIRST_MS = 400;
/**
 * The most that this bound grows to, in milliseconds: within it an etcd that is back is found. With the first wait of a watch
 * after that (800 ms) it is still less than two seconds.
 */
const PROBE_MAX_MS = 1_000;
