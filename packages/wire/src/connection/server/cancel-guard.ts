import type { Limits, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { CancelReason, GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { RateWindow } from '../channel/rate-window.js';

/** Of its requests, a peer may cancel so many besides the fixed number: hedging and thawed peers cancel in bursts. */
const CANCEL_SHARE = 0.2;

/** Why the caller does not wait any more: what the handler's signal says. A number that is not known is that of a caller. */
export function cancelledByCaller(reason: number): RpcError {
  return rpcError('CANCELLED', CANCEL_REASONS[reason] ?? CALLER, { progress: 'processed' });
}

const CALLER = 'the caller gave up';
const CANCEL_REASONS: Readonly<Record<number, string>> = {
  [CancelReason.HEDGE_LOST]: 'another attempt of the call was faster (hedge lost)',
  [CancelReason.SHUTDOWN]: 'the client was closed (shutdown)',
};

/** Bounds how many of its calls a peer may cancel: opening and cancelling is work for nothing (CVE-2023-44487). */
export class CancelGuard {
  readonly #limits: Limits;
  readonly #cancels = new RateWindow();
  #requests = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** A call was opened. */
  opened(): void {
    this.#requests++;
  }

  /** A call was cancelled. @throws ProtocolError when it is one too many */
  cancelled(now: number): void {
    if (!this.#cancels.exceeds(this.#limits.cancels, now, CANCEL_SHARE, this.#requests)) return;
    throw new ProtocolError('too many calls were cancelled (limits.cancels)', GoAwayCode.LIMIT);
  }
}
