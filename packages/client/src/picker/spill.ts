import type { OutcomeKind } from '../policy/outcome.js';

/** Near nodes that are slower than others by less than this factor, and by so many milliseconds, carry what they are given. */
const SLOWER = 1.25;
const SLOWER_MS = 0.25;

/** So few calls go as if all nodes were alike in any case: without them nothing would be known of the others. */
const SHARE_MIN = 0.04;

/** Answers that the mean of the near nodes goes back over, and that of the others, and how many say enough. */
const NEAR_MEMORY = 64;
const FAR_MEMORY = 200;
const KNOWN = 16;

/** When the last so many answers were faster than the mean by this factor, the mean begins anew from them: what made a zone slow is over. */
const RECENT = 24;
const RECOVERED = 1.4;

/** What near nodes are slower than they may be counts at once: by a quarter, for all calls. */
const AT_ONCE = 4;

/** A refusal for overload counts as an answer that takes so many times as long as it may. */
const REFUSED = 2;

/** What lasts is learned: in so many answers of near nodes, and not in less time, in milliseconds, from one end to the other; at full speed from a quarter on. */
const LEARNING_ANSWERS = 96;
const LEARNING_MS = 2_500;

/**
 * Which share of the calls goes as if all nodes were alike, because the near ones cannot carry them: it rises while near nodes answer much
 * slower than others, and falls otherwise. So both end up about as slow, which is when neither has more to spare. It begins with all
 * calls: a client that starts does not know whether others have filled the near nodes already.
 *
 * Queues go on growing while too much comes, so what is learned alone would swing back and forth; what counts at once damps it (a
 * proportional and integral controller).
 */
export class Spill {
  #lasting = 1;
  #passing = 0;
  readonly #near = new Answers(NEAR_MEMORY);
  readonly #far = new Answers(FAR_MEMORY);
  #at: number;

  /** @param now - milliseconds of the client's clock */
  constructor(now: number) {
    this.#at = now;
  }

  get share(): number {
    return Math.min(1, Math.max(SHARE_MIN, this.#lasting + this.#passing));
  }

  /** A call has ended at a near node, or at another. */
  settled(isNear: boolean, latencyMs: number, kind: OutcomeKind, now: number): void {
    if (kind === 'ok') (isNear ? this.#near : this.#far).add(latencyMs);
    else if (kind !== 'overload') return;
    if (!isNear) return;
    const step = Math.min(1 / LEARNING_ANSWERS, (now - this.#at) / LEARNING_MS);
    this.#at = now;
    if (this.#far.count < KNOWN || this.#near.count < KNOWN) return;
    const allowedMs = this.#allowedMs();
    // A refusal is fast, and says the same.
    if (kind === 'overload') this.#near.add(REFUSED * allowedMs);
    this.#passing = AT_ONCE * (this.#near.meanMs / allowedMs - 1);
    const learned = step * Math.max(-1, Math.min(1, this.#passing));
    this.#lasting = Math.min(1, Math.max(0, this.#lasting + learned));
  }

  /** How long near nodes may take. */
  #allowedMs(): number {
    // What the way there takes longer says nothing of how busy they are.
    const wayMs = Math.max(0, this.#far.leastMs - this.#near.leastMs);
    return SLOWER * (this.#far.meanMs - wayMs) + SLOWER_MS;
  }
}

/** How long answers of a zone take of late. */
class Answers {
  count = 0;
  meanMs = 0;
  /** The fastest of those that are remembered, or of twice as many. */
  leastMs = Number.POSITIVE_INFINITY;
  readonly #memory: number;
  #leastNext = Number.POSITIVE_INFINITY;
  #inTurn = 0;
  #recentMs = 0;

  constructor(memory: number) {
    this.#memory = memory;
  }

  add(ms: number): void {
    this.count = Math.min(this.count + 1, this.#memory);
    this.meanMs += (ms - this.meanMs) / this.count;
    this.#recentMs += (ms - this.#recentMs) / Math.min(this.count, RECENT);
    if (this.count > RECENT && this.#recentMs * RECOVERED < this.meanMs) {
      this.meanMs = this.#recentMs;
      this.count = RECENT;
    }
    if (ms < this.#leastNext) this.#leastNext = ms;
    if (ms < this.leastMs) this.leastMs = ms;
    if (++this.#inTurn < this.#memory) return;
    this.leastMs = this.#leastNext;
    this.#leastNext = Number.POSITIVE_INFINITY;
    this.#inTurn = 0;
  }
}
