import type { Clock, RpcError } from '@org/rpc-core';
import { isRpcError } from '@org/rpc-core';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import type { Rate } from './rates.js';

/** How many calls may wait for a rate. */
const WAITING_MAX = 1_000;

/** A {@link Rate} that lets a call wait if its turn comes before its deadline. At most 1,000 calls wait; further ones are refused. */
export class WaitingRate implements Admission {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #waiting = 0;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  enter({ deadline }: IncomingCall): RpcError | undefined | Promise<undefined> {
    const mostMs = this.#waiting < WAITING_MAX ? deadline - this.#clock.now() : 0;
    const taken = this.#rate.take(mostMs);
    if (isRpcError(taken)) return taken;
    if (taken === 0) return undefined;
    this.#waiting++;
    return new Promise((resolve) => {
      this.#clock.schedule(taken, () => {
        this.#waiting--;
        resolve(undefined);
      });
    });
  }

  leave(): void {}
}
