import type { Call, Clock, Gate, RetryBudgetOptions, ServiceRules } from '@org/rpc-core';
import { type Complete, POLICIES, resolvePolicy, type Waiting, waitFor } from '@org/rpc-core/internal';
import type { ActiveRules } from './active-rules.js';
import type { RetryBudgetState } from './policy-state.js';

const SLOTS = 10;

/** What one repeat costs; a call brings in `percent` of it. */
const REPEAT = 100;

/** Repeats that may always be in flight, whatever the share of the calls. Source: Envoy's `min_retry_concurrency`. */
const CONCURRENT_MIN = 3;

/**
 * In addition to the share, each call in the window earns this percentage of a repeat, up to what `minPerSecond` makes in a
 * window. A fixed number of repeats would let thousands of clients with few calls each repeat every call twice.
 */
const FLOOR_PER_CALL = 7;

/** While no more calls than this are in the window, a client may also use its spare repeats. */
const FEW_CALLS = 100;

/** The time between two spare repeats, in milliseconds, when `minPerSecond` is 1: so a call that comes alone may be repeated. */
const SPARE_EACH_MS = 20_000;

/** How many calls may wait for a place among the repeats in flight; others fail with the error that they have. */
const WAITING_MAX = 4_096;

/**
 * Bounds what repeats add to the load when much fails: without it, three retries make four times the load of a server that
 * already cannot bear the first.
 *
 * Two guards: repeats over time, at most a share of the calls of the last window, and repeats in flight, at most the same
 * share of the calls in flight, which protects when repeats are slow. A gate of the call, so that it sees every call.
 *
 * Sources: Finagle `RetryBudget.scala` (the window), Envoy `retry_budget` (the share in flight).
 */
export class RetryBudget implements Required<Gate> {
  readonly #given: Complete<RetryBudgetOptions>;
  #rules: ActiveRules | undefined;
  /** What a dark rule would have. */
  #dark: RetryBudget | undefined;
  #tell: ((method: string, effect: string) => void) | undefined;
  #percent = 0;
  #reserve = 0;
  #slotMs = 1;
  /** What each tenth of the window has brought in, less what was spent in it. */
  readonly #slots: number[] = new Array<number>(SLOTS).fill(0);
  #balance = 0;
  /** The calls that began in each tenth of the window, and in all of it. */
  readonly #begun: number[] = new Array<number>(SLOTS).fill(0);
  #begunSum = 0;
  #spare: number;
  #spareAt = 0;
  #sparePerMs = 0;
  #tick = 0;
  #calls = 0;
  #repeats = 0;
  /** Who waits for a place, in the order in which they came. */
  readonly #waiting = new Set<Waiting<void>>();

  /** @throws TypeError that names a wrong or unknown option */
  constructor(where: string, options: RetryBudgetOptions = {}) {
    this.#given = resolvePolicy(where, POLICIES.retryBudget, options);
    this.#configure(this.#given);
    this.#spare = this.#reserve;
  }

  /**
   * From now on rules hold. What was earned and spent stays so; the same rules again change nothing.
   * @param tell - called with a method and what a dark rule would have changed; left out: dark rules are not judged
   */
  apply(rules: ActiveRules | undefined, tell?: (method: string, effect: string) => void): void {
    if (rules === this.#rules) return;
    this.#rules = rules;
    const rule = rules?.document.retryBudget;
    const mode = rules?.modes.retryBudget;
    this.#configure(mode === 'on' ? this.#ruled(rule) : this.#given);
    this.#tell = tell;
    // It begins with nothing earned, and counts the calls that begin from now on.
    this.#dark = mode === 'dark' && tell !== undefined ? new RetryBudget('rules', this.#ruled(rule)) : undefined;
  }

  #ruled(rule: ServiceRules['retryBudget']): Complete<RetryBudgetOptions> {
    const { percent, windowMs, minPerSecond } = this.#given;
    return {
      percent: rule?.repeatPercent ?? percent,
      windowMs: rule?.windowMs ?? windowMs,
      minPerSecond: rule?.minPerSecond ?? minPerSecond,
    };
  }

  #configure({ percent, windowMs, minPerSecond }: Complete<RetryBudgetOptions>): void {
    const slotMs = windowMs / SLOTS;
    this.#percent = percent;
    if (slotMs !== this.#slotMs) this.#cutAnew(slotMs);
    // The window reaches back over nine whole slots and a part of one: less than ten seconds must not bring in ten.
    this.#reserve = (minPerSecond * (windowMs - slotMs) * REPEAT) / 1_000;
    this.#sparePerMs = (minPerSecond * REPEAT) / SPARE_EACH_MS;
  }

  /** The window has another length: what is in it counts as of now. */
  #cutAnew(slotMs: number): void {
    const balance = this.#balance;
    const begunSum = this.#begunSum;
    this.#tick = Math.floor((this.#tick * this.#slotMs) / slotMs);
    this.#slotMs = slotMs;
    this.#slots.fill(0);
    this.#begun.fill(0);
    this.#slots[this.#tick % SLOTS] = balance;
    this.#begun[this.#tick % SLOTS] = begunSum;
  }

  /** A call begins; it brings in its share. */
  enter(call: Call): undefined {
    this.#calls++;
    this.#roll(call.createdAt);
    this.#slots[this.#tick % SLOTS]! += this.#percent;
    this.#balance += this.#percent;
    this.#begun[this.#tick % SLOTS]!++;
    this.#begunSum++;
    if (this.#dark !== undefined) this.#dark.enter(call);
  }

  /** The call has ended. */
  settle(): void {
    this.#calls--;
  }

  /**
   * Takes one repeat; false when there is none left.
   * @param call - which it is for; left out: a dark rule is not judged by it
   */
  withdraw(now: number, call?: Call): boolean {
    const isTaken = this.#take(now);
    if (this.#dark === undefined || call === undefined) return isTaken;
    const would = this.#dark.withdraw(now);
    if (would !== isTaken)
      this.#tell?.(call.method, would ? 'one more repeat would have been made' : 'a repeat would not have been made');
    return isTaken;
  }

  #take(now: number): boolean {
    this.#roll(now);
    const floor = Math.min(this.#reserve, FLOOR_PER_CALL * this.#begunSum);
    const isCovered = this.#balance + floor >= REPEAT;
    if (!isCovered && (this.#begunSum > FEW_CALLS || !this.#withdrawSpare(now))) return false;
    // Spare ones too: when many calls follow, they have been used already.
    this.#slots[this.#tick % SLOTS]! -= REPEAT;
    this.#balance -= REPEAT;
    return true;
  }

  /** For people and tools. */
  state(now: number): RetryBudgetState {
    this.#roll(now);
    const floor = Math.min(this.#reserve, FLOOR_PER_CALL * this.#begunSum);
    const covered = Math.max(0, Math.floor((this.#balance + floor) / REPEAT));
    return { left: covered, inFlight: this.#repeats, waiting: this.#waiting.size };
  }

  #withdrawSpare(now: number): boolean {
    const gained = Math.max(0, now - this.#spareAt) * this.#sparePerMs;
    this.#spare = Math.min(this.#reserve, this.#spare + gained);
    this.#spareAt = Math.max(now, this.#spareAt);
    if (this.#spare < REPEAT) return false;
    this.#spare -= REPEAT;
    return true;
  }

  /**
   * Takes a place among the repeats in flight, to be given back with {@link ended}: at once, or when the promise resolves; it
   * rejects with the deadline of the call. Calls that fail together, such as those of a frozen node, ask for their repeats
   * together, and get them one after the other.
   * @returns false when too many wait already
   */
  begin(clock: Clock, call: Call): Promise<void> | false | undefined {
    if (this.#waiting.size === 0 && this.#hasRoom()) {
      this.#repeats++;
      return undefined;
    }
    if (this.#waiting.size >= WAITING_MAX) return false;
    const waiting: Waiting<void> = waitFor<void>(
      clock,
      call,
      'room for another attempt',
      () => this.#waiting.delete(waiting),
      'retry',
    );
    this.#waiting.add(waiting);
    return waiting.promise;
  }

  /** Takes a place as {@link begin} does, for what is not worth a wait. */
  tryBegin(): boolean {
    if (this.#waiting.size > 0 || !this.#hasRoom()) return false;
    this.#repeats++;
    return true;
  }

  /** A repeat has its outcome: whoever has waited longest takes its place. */
  ended(): void {
    this.#repeats--;
    for (const waiting of this.#waiting) {
      if (!this.#hasRoom()) return;
      this.#repeats++;
      waiting.done();
    }
  }

  #hasRoom(): boolean {
    return this.#repeats < Math.max(CONCURRENT_MIN, (this.#calls * this.#percent) / 100);
  }

  #roll(now: number): void {
    const tick = Math.floor(now / this.#slotMs);
    const turns = Math.min(tick - this.#tick, SLOTS);
    // A call may be older than the last one that was counted: it counts for the present.
    if (turns <= 0) return;
    for (let turn = 0; turn < turns; turn++) {
      const slot = (tick - turn) % SLOTS;
      this.#balance -= this.#slots[slot]!;
      this.#slots[slot] = 0;
      this.#begunSum -= this.#begun[slot]!;
      this.#begun[slot] = 0;
    }
    this.#tick = tick;
  }
}
