import type { Call, Clock, Gate, Outcome, Random, RpcError, ThrottleOptions } from '@org/rpc-core';
import { type Complete, isLate, rpcError } from '@org/rpc-core/internal';
import { ownOf } from './fold.js';
import { classify } from './outcome.js';

/** Attempts are counted over 30 s, in slots of a second. */
const SLOTS = 30;
const SLOT_MS = 1_000;

/**
 * When nearly all attempts of these last slots were accepted, the overload is over and only these slots count: otherwise half a
 * minute of refusals would have to pass first.
 */
const RECENT_SLOTS = 3;
const RECENT_MIN = 10;
const OVER_SHARE = 0.9;

/** What the throttle of one method is made of. */
export interface ThrottleSettings {
  /** What holds for an attempt that begins now; `maxPercent` is 0 when it is off. */
  readonly now: () => Complete<ThrottleOptions>;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Refuses a part of the attempts of one method here when servers refuse most of them. A server that is overloaded spends on
 * refusals what it lacks for work; so it gets only so many times as many attempts as it takes, which is enough to notice when
 * it takes more. Refused at random, and never all.
 *
 * What a server refuses for overload counts as refused, and what it does not answer in time; nothing else does, least of all
 * the answers of handlers. Attempts count when they begin, those that are refused here too.
 *
 * Holds and counts nothing until something is refused, and again when nothing was for 30 s.
 *
 * Source: "Handling Overload", Site Reliability Engineering (2016), client-side throttling.
 */
export class Throttle implements Gate {
  readonly #settings: ThrottleSettings;
  #counts: Counts | undefined;

  constructor(settings: ThrottleSettings) {
    this.#settings = settings;
  }

  /** The share of the attempts that is refused now, 0 to 1. */
  get share(): number {
    return this.#counts === undefined ? 0 : this.shareBy(this.#settings.now());
  }

  /** The share that would be refused now by other values. */
  shareBy({ multiplier, maxPercent, minCalls }: Complete<ThrottleOptions>): number {
    const counts = this.#counts;
    if (counts === undefined) return 0;
    const { requests, accepted } = counts;
    if (maxPercent === 0 || requests < minCalls) return 0;
    const share = excess(requests, multiplier * accepted);
    const { recentRequests, recentRefused, recentAccepted } = counts;
    const recentSent = recentRequests - recentRefused;
    const isOver = recentSent >= RECENT_MIN && recentAccepted >= OVER_SHARE * recentSent;
    const recent = isOver ? excess(recentRequests, multiplier * recentAccepted) : share;
    return Math.min(maxPercent / 100, share, recent);
  }

  enter(call: Call): RpcError | undefined {
    const counts = this.#counts;
    if (counts === undefined) return undefined;
    const { clock, random } = this.#settings;
    counts.turn(clock.now());
    if (counts.isClean) {
      this.#counts = undefined;
      return undefined;
    }
    const share = this.shareBy(ownOf(call)?.throttle ?? this.#settings.now());
    counts.began();
    if (share === 0 || random() >= share) return undefined;
    counts.refused();
    const { service, method } = call;
    const percent = Math.round(share * 100);
    const reason = `not sent: servers refuse most calls of ${service}.${method}, and ${percent} % of them are refused here (throttle)`;
    return rpcError('RESOURCE_EXHAUSTED', reason, { service, method, progress: 'unsent', hasStack: false });
  }

  settle(_call: Call, outcome: Outcome): void {
    if (outcome === undefined) {
      if (this.#counts !== undefined) this.#counts.ended(true);
      return;
    }
    const isAccepted = this.#isAccepted(outcome);
    if (isAccepted === undefined) return;
    if (this.#counts === undefined) {
      if (isAccepted || this.#settings.now().maxPercent === 0) return;
      this.#counts = new Counts(this.#settings.clock.now());
      this.#counts.began();
    }
    this.#counts.ended(isAccepted);
  }

  /** Whether the servers have accepted an attempt that failed; `undefined` when its error does not tell. */
  #isAccepted(error: RpcError): boolean | undefined {
    if (error.code === 'DEADLINE_EXCEEDED' && error.progress === 'maybe-processed')
      return isLate(error) ? undefined : false;
    const kind = classify(error);
    if (kind === 'overload') return false;
    return kind === 'ignore' ? undefined : true;
  }
}

/** The share of the requests that is beyond what was taken. */
function excess(requests: number, taken: number): number {
  return Math.max(0, (requests - taken) / (requests + 1));
}

/** What became of the attempts of the last 30 s. */
class Counts {
  requests = 0;
  accepted = 0;
  /** The same of the last few seconds. */
  recentRequests = 0;
  recentAccepted = 0;
  /** Those that were refused here. */
  recentRefused = 0;
  readonly #requests = new Uint32Array(SLOTS);
  readonly #accepted = new Uint32Array(SLOTS);
  readonly #refused = new Uint32Array(SLOTS);
  #tick: number;
  /** When something was last refused, in slots. */
  #refusedTick: number;

  constructor(now: number) {
    this.#tick = Math.floor(now / SLOT_MS);
    this.#refusedTick = this.#tick;
  }

  /** Whether nothing was refused within the window. */
  get isClean(): boolean {
    return this.#tick - this.#refusedTick >= SLOTS;
  }

  began(): void {
    this.#requests[this.#tick % SLOTS]!++;
    this.requests++;
    this.recentRequests++;
  }

  /** One that began was refused here. */
  refused(): void {
    this.#refused[this.#tick % SLOTS]!++;
    this.recentRefused++;
  }

  ended(isAccepted: boolean): void {
    if (!isAccepted) {
      this.#refusedTick = this.#tick;
      return;
    }
    this.#accepted[this.#tick % SLOTS]!++;
    this.accepted++;
    this.recentAccepted++;
  }

  turn(now: number): void {
    const tick = Math.floor(now / SLOT_MS);
    if (tick === this.#tick) return;
    for (let turns = Math.min(tick - this.#tick, SLOTS); turns > 0; turns--) {
      const slot = (tick - turns + 1) % SLOTS;
      this.requests -= this.#requests[slot]!;
      this.accepted -= this.#accepted[slot]!;
      this.#requests[slot] = 0;
      this.#accepted[slot] = 0;
      this.#refused[slot] = 0;
    }
    this.#tick = tick;
    this.recentRequests = this.#sum(this.#requests);
    this.recentAccepted = this.#sum(this.#accepted);
    this.recentRefused = this.#sum(this.#refused);
  }

  #sum(counts: Uint32Array): number {
    let sum = 0;
    for (let back = 0; back < RECENT_SLOTS; back++) sum += counts[(this.#tick + SLOTS - back) % SLOTS]!;
    return sum;
  }
}
