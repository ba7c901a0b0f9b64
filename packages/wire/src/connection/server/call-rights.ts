import type { Limits } from '@org/rpc-core';
import { GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { RateWindow } from '../channel/flood-guard.js';

/**
 * What a client may send of the calls that it has opened: of each one CANCEL and one ASK, also after its answer. So a call may be
 * cancelled in bursts of any size: the cost of calls that are opened and cancelled at once (CVE-2023-44487) is bounded by
 * `callsInFlight`, where a handler counts until it has ended.
 */
export class CallRights {
  readonly #limits: Pick<Limits, 'cancels'>;
  readonly #cancels = new RateWindow();
  /** Calls that have not been cancelled yet, answered ones included: their CANCEL may have crossed the answer. */
  #mayCancel = 0;
  /** The same of ASK. */
  #mayAsk = 0;

  constructor(limits: Pick<Limits, 'cancels'>) {
    this.#limits = limits;
  }

  /** A call was opened. */
  opened(): void {
    this.#mayCancel++;
    this.#mayAsk++;
  }

  /** A call was cancelled. @throws ProtocolError when it is one too many */
  cancelled(now: number): void {
    if (this.#mayCancel > 0) this.#mayCancel--;
    else if (this.#cancels.exceeds(this.#limits.cancels, now))
      throw new ProtocolError('too many CANCELs of calls that were not made (limits.cancels)', GoAwayCode.LIMIT);
  }

  /** Somebody asks for a call. @returns whether a call gives the right to it */
  asked(): boolean {
    if (this.#mayAsk === 0) return false;
    this.#mayAsk--;
    return true;
  }
}
