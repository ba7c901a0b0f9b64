import type { Clock } from '@org/rpc-core';
import type { Caller } from './target.js';

/** What a slot and a loop need of the run that they are part of. */
export interface LoopHost {
  readonly clock: Clock;
  createCaller(): Caller;
  /** Whether a call that is due at this moment may start; if so it is counted. */
  admit(dueAt: number): boolean;
  /** A call came due and was not sent, as too many are in flight. */
  dropped(dueAt: number): void;
  succeeded(slot: Slot, endedAt: number): void;
  failed(slot: Slot, endedAt: number, error: unknown): void;
}

/** One call in flight at a time: its caller, its moments, and the two functions that wait for its outcome. */
export class Slot {
  readonly caller: Caller;
  /** When the call should have started, in the clock's milliseconds. */
  dueAt = 0;
  /** When it did start. */
  sentAt = 0;
  readonly #clock: Clock;
  readonly #onValue: () => void;
  readonly #onError: (error: unknown) => void;

  /** @param onFree - told when the outcome was recorded and the slot can be used again */
  constructor(host: LoopHost, onFree: (slot: Slot, endedAt: number) => void) {
    this.#clock = host.clock;
    this.caller = host.createCaller();
    this.#onValue = () => {
      const endedAt = this.#clock.now();
      host.succeeded(this, endedAt);
      onFree(this, endedAt);
    };
    this.#onError = (error) => {
      const endedAt = this.#clock.now();
      host.failed(this, endedAt, error);
      onFree(this, endedAt);
    };
  }

  /** Makes a call that was admitted. @param now - the present moment, in the clock's milliseconds */
  send(dueAt: number, now: number): void {
    this.dueAt = dueAt;
    this.sentAt = now;
    this.caller.call().then(this.#onValue, this.#onError);
  }
}
