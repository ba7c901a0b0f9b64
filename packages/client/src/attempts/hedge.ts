import {
  type Call,
  CallTrail,
  type Cancel,
  type Clock,
  type HedgeOptions,
  type Layer,
  type RpcError,
  type Service,
} from '@org/rpc-core';
import { type Complete, rpcError } from '@org/rpc-core/internal';
import { ownOf } from '../policy/fold.js';
import { HedgeBudget } from '../policy/hedge-budget.js';
import type { RetryBudget } from '../policy/retry-budget.js';
import { endFailed, recordAttempt } from './attempts.js';

/** The shortest time before an answer counts as slow, in milliseconds: the grain of timers. */
const DELAY_MIN_MS = 1;

/** A second attempt was sent beside one that was slow; for those who watch. */
export interface HedgeEvent {
  readonly service: string;
  readonly method: string;
  /** Where the slow one is. */
  readonly endpoint: string;
  /** The id of the instance there; `undefined` when no endpoint was chosen. */
  readonly instance: string | undefined;
  /** After how long the other one was sent, in milliseconds. */
  readonly delayMs: number;
}

/** What the hedge layer is made of. */
export interface HedgeSettings {
  /** What holds for a call that begins now; `max` is 0 when it is off. */
  readonly now: () => HedgeValues;
  /** The latency below which `percent` of the recent answers were; `undefined` when too little is known. */
  readonly percentileMs: (percent: number, now: number) => number | undefined;
  /**
   * After which time a call is slow at a node that is known to take longer than its peers, in milliseconds; `undefined` where it is not.
   * Left out: no node is.
   */
  readonly earlyMs?: ((attempt: Call, now: number) => number | undefined) | undefined;
  /** What all repeats share. */
  readonly budget: RetryBudget;
  readonly clock: Clock;
  /** How many nodes take calls. */
  readonly readyCount: () => number;
  /** Whether servers have too much to do: then nothing is sent twice. Left out: never. */
  readonly isOverloaded?: (() => boolean) | undefined;
  readonly onHedge?: ((event: HedgeEvent) => void) | undefined;
}

/** {@link HedgeOptions} in which only the fixed delay may be missing. */
export type HedgeValues = Complete<HedgeOptions, 'delayMs'>;

/**
 * Sends a call that has no answer after some time also to another node, and takes the first success. The other attempts are then
 * cancelled, on the wire too, so that their servers can stop. A failure waits for the other attempts: the call has failed when
 * all of them have.
 *
 * Only first attempts of idempotent calls are hedged: what comes after a failure is for retries. Both draw on one budget, hedges on
 * a cap of their own besides, and neither ever waits for it.
 *
 * Sources: Dean and Barroso, "The Tail at Scale" (2013); Finagle `BackupRequestFilter.scala` (percentile, cap, winner).
 */
export function hedge(settings: HedgeSettings): Layer {
  const cap = new HedgeBudget();
  return (next) => (call) => {
    const values = ownOf(call)?.hedge ?? settings.now();
    if (values.max === 0 || !call.idempotent || call.oneWay || call.attempt > 0) return next(call);
    if (!call.mayRepeat || call.pinned !== undefined) return next(call);
    const now = settings.clock.now();
    cap.earn(values.maxPercent, now);
    const { delayMs = settings.percentileMs(values.percentile, now) } = values;
    if (delayMs === undefined) return next(call);
    return new HedgedCall(settings, cap, next, call, values, delayMs).run(values.delayMs === undefined);
  };
}

/** A call with several attempts beside each other. The call itself is none of them: they end one by one, and it ends once. */
class HedgedCall {
  readonly #settings: HedgeSettings;
  readonly #cap: HedgeBudget;
  readonly #next: Service;
  readonly #call: Call;
  readonly #max: number;
  /** Whether every call is sent to several nodes at once, which no budget is asked for. */
  readonly #isForking: boolean;
  readonly #delayMs: number;
  readonly #attempts: Call[] = [];
  readonly #open = new Set<Call>();
  #cancelTimer: Cancel | undefined;
  #isWon = false;
  /** The failure that is the call's if no attempt succeeds, and whose it is. */
  #failure: { readonly attempt: Call; readonly error: RpcError } | undefined;
  #resolve!: (value: unknown) => void;
  #reject!: (error: RpcError) => void;

  constructor(
    settings: HedgeSettings,
    cap: HedgeBudget,
    next: Service,
    call: Call,
    { max }: HedgeValues,
    delayMs: number,
  ) {
    this.#settings = settings;
    this.#cap = cap;
    this.#next = next;
    this.#call = call;
    this.#max = max;
    this.#isForking = delayMs === 0;
    this.#delayMs = Math.max(DELAY_MIN_MS, delayMs);
  }

  /** @param mayBeEarly - whether a node that is known to be slow is waited for less */
  run(mayBeEarly: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#send(false);
      if (!this.#isForking) this.#await(mayBeEarly ? this.#firstDelayMs() : this.#delayMs);
      else for (let i = 0; i < this.#max && this.#open.size > 0 && this.#hasOther(); i++) this.#hedge(0);
    });
  }

  #send(isHedge: boolean): void {
    const attempt = this.#call.nextAttempt(this.#attempts.length);
    attempt.isHedge = isHedge;
    attempt.createdAt = this.#call.createdAt;
    attempt.hasWaited = this.#call.hasWaited;
    this.#attempts.push(attempt);
    this.#open.add(attempt);
    this.#next(attempt).then(
      (value) => this.#succeeded(attempt, value, isHedge),
      (thrown: unknown) => this.#failed(attempt, thrown, isHedge),
    );
  }

  #firstDelayMs(): number {
    const { earlyMs, clock } = this.#settings;
    const early = earlyMs?.(this.#attempts[0]!, clock.now()) ?? this.#delayMs;
    return Math.max(DELAY_MIN_MS, Math.min(early, this.#delayMs));
  }

  #await(delayMs: number): void {
    if (this.#attempts.length > this.#max) return;
    const { clock } = this.#settings;
    // The sockets are read first: after a busy loop the answer may already be there.
    this.#cancelTimer = clock.schedule(delayMs, () => clock.afterPoll(() => this.#overdue(delayMs)));
  }

  #overdue(delayMs: number): void {
    if (this.#open.size === 0) return;
    const first = this.#attempts[0]!;
    if (this.#settings.isOverloaded?.()) return;
    // A call that waits for a node would wait twice; a trial of a node must be seen to its end.
    if (first.startedAt === 0 || first.isTrial || !this.#hasOther() || !this.#takeBudget()) return;
    this.#hedge(delayMs);
    this.#await(this.#delayMs);
  }

  /** Whether there are more nodes than attempts. */
  #hasOther(): boolean {
    return this.#settings.readyCount() > this.#attempts.length;
  }

  /** Never in vain: each is taken only when the others have something too. */
  #takeBudget(): boolean {
    const { budget, clock } = this.#settings;
    if (!this.#cap.has || !budget.tryBegin()) return false;
    if (budget.withdraw(clock.now(), this.#call)) {
      this.#cap.take();
      return true;
    }
    budget.ended();
    return false;
  }

  #hedge(delayMs: number): void {
    const call = this.#call;
    const last = this.#attempts.at(-1)!;
    call.rivals ??= [];
    for (const { destination } of this.#attempts)
      if (destination !== undefined && !call.rivals.includes(destination)) call.rivals.push(destination);
    const { service, method } = call;
    const { address: endpoint = '', instance } = last.destination ?? {};
    this.#settings.onHedge?.({ service, method, endpoint, instance, delayMs });
    this.#send(true);
  }

  #succeeded(attempt: Call, value: unknown, isHedge: boolean): void {
    this.#ended(attempt, isHedge);
    this.#isWon = true;
    this.#cancelTimer?.();
    this.#resolve(value);
    for (const loser of this.#open) this.#giveUp(loser);
  }

  #failed(attempt: Call, thrown: unknown, isHedge: boolean): void {
    this.#ended(attempt, isHedge);
    if (this.#isWon) return;
    const { clock } = this.#settings;
    const error = endFailed(attempt, thrown, clock);
    const kept = this.#failure;
    // An answer says more than no answer, and an attempt that found no other node says nothing.
    const isNothing = kept?.attempt.destination === undefined;
    const saysMore = isNothing || (error.progress === 'processed' && kept?.error.progress !== 'processed');
    if (saysMore) this.#failure = { attempt, error };
    const other = saysMore ? kept : { attempt, error };
    if (other?.attempt.destination !== undefined) recordAttempt(other.attempt, other.error);
    if (this.#open.size > 0) return;
    this.#cancelTimer?.();
    const final = this.#failure!;
    this.#call.adopt(final.attempt);
    this.#call.attemptDeadline = final.attempt.attemptDeadline;
    adoptTrail(this.#call, final.attempt);
    this.#call.startedAt = final.attempt.startedAt;
    this.#call.isTrial = final.attempt.isTrial;
    this.#reject(final.error);
  }

  #ended(attempt: Call, isHedge: boolean): void {
    this.#open.delete(attempt);
    if (isHedge && !this.#isForking) this.#settings.budget.ended();
  }

  #giveUp(loser: Call): void {
    const { service, method } = loser;
    const error = rpcError('CANCELLED', 'another attempt of the call was faster', { service, method, hasStack: false });
    if (loser.holder !== undefined) loser.holder.abandon(loser, error, 'hedge lost');
    // It waits for a node, and ends where it would be sent.
    else loser.signal = AbortSignal.abort(error);
  }
}

/** What was noted of the attempt is the call's, beside what the call itself has waited for. */
function adoptTrail(call: Call, { trail }: Call): void {
  if (trail === undefined) return;
  call.trail ??= new CallTrail();
  call.trail.asked = trail.asked;
  call.trail.standing = trail.standing;
  call.trail.lack = trail.lack;
  call.trail.trial = trail.trial;
}
