import type { Clock } from '@org/rpc-core';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import { TurnWatch } from './turn-watch.js';

/** What a {@link DarkTurn} is made from. */
export interface DarkTurnParts {
  /** How long handlers may hold the event loop in one turn, in milliseconds. */
  readonly turnMs: number;
  readonly clock: Clock;
  /** See {@link TurnWatch} (default: always 0). */
  readonly preemptedMs?: (() => number) | undefined;
  /** The turn would have taken this call no more. */
  readonly tell: (call: IncomingCall) => void;
}

/**
 * A bound of the turn that holds up nobody, and tells of the calls that came when a turn was used up by it. It goes by the turns as they are: a
 * stricter bound that is in force ends them before this one has anything to tell. It leaves the calls as they are, for the limit in force notes
 * on them what it has seen.
 */
export class DarkTurn implements Admission {
  readonly #clock: Clock;
  readonly #tell: (call: IncomingCall) => void;
  readonly #turn: TurnWatch;
  #isUsedUp = false;

  constructor({ turnMs, clock, preemptedMs, tell }: DarkTurnParts) {
    this.#clock = clock;
    this.#tell = tell;
    this.#turn = new TurnWatch(clock, turnMs, () => this.#nextTurn(), preemptedMs);
  }

  enter(call: IncomingCall): undefined {
    // Nobody waits for a bound that is dark: calls of the next turn are bounded because the last one was too long.
    if (this.#turn.counts() && this.#turn.isUsedUp(this.#clock.now(), false)) this.#isUsedUp = true;
    if (this.#isUsedUp) this.#tell(call);
    return undefined;
  }

  leave(): void {}

  #nextTurn(): void {
    this.#isUsedUp = false;
  }
}
