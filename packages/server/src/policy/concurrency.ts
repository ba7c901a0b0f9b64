import type { Clock, Random, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';

/** How many calls may run at once, and how many may wait for that. */
export interface ServerConcurrency {
  /** Calls of all connections together; at least 1. */
  readonly max: number;
  /**
   * Calls that may wait for one to end, 0 to 1,000,000 (default 0). The more important go first; a call that is late, or whose
   * caller has given up, does not run.
   */
  readonly queue?: number | undefined;
}

/** A queue in which somebody has waited all the time for so long is standing: what comes is more than can be done. */
const STANDING_MS = 100;

/** Who is refused is told to come back after 50 to 150 % of this. */
const RETRY_AFTER_MS = 100;

interface Waiting<Entry extends MethodEntry> {
  readonly call: IncomingCall<Entry>;
  readonly since: number;
  /** With `undefined` it is let in, with an error refused. */
  readonly settle: (refusal: RpcError | undefined) => void;
}

/** What a limit is made of. */
export interface ConcurrencyLimitParts {
  /** `Infinity` for no bound. */
  readonly max: number;
  readonly queue: number;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Lets so many calls in at a time. Of those that wait the most important are let in first, and among equals the oldest: after a
 * burst everybody gets a turn. While the queue is standing it is the newest (adaptive LIFO, Maurer, "Fail at Scale", 2015): the old
 * ones have used up most of their time, and to serve them in their order would make everybody late. One that has then waited for
 * half of its time is refused, so that it can go elsewhere with the other half.
 */
export class ConcurrencyLimit<Entry extends MethodEntry = MethodEntry> implements Admission<Entry> {
  readonly #parts: ConcurrencyLimitParts;
  readonly #max: number;
  #running = 0;
  /** By priority, each from the oldest to the newest. */
  readonly #lines = new Map<number, Waiting<Entry>[]>();
  #waiting = 0;
  /** Since when somebody has been waiting. */
  #waitingSince = 0;

  constructor(parts: ConcurrencyLimitParts) {
    this.#parts = parts;
    this.#max = parts.max;
  }

  /** How many are in. */
  get running(): number {
    return this.#running;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  enter(call: IncomingCall<Entry>): RpcError | undefined | Promise<RpcError | undefined> {
    if (this.#running < this.#max) {
      this.#running++;
      return undefined;
    }
    const { queue, clock } = this.#parts;
    if (queue === 0) return this.#refusal('');
    const now = clock.now();
    if (this.#waiting >= queue && !this.#makeRoom(call, now)) return this.#refusal(this.#queueIsFull());
    return new Promise((settle) => this.#add({ call, since: now, settle }));
  }

  leave(): void {
    this.#running--;
    if (this.#waiting === 0) return;
    const now = this.#parts.clock.now();
    if (this.#isStanding(now)) this.#refuseTheImpatient(now);
    const next = this.#next(now);
    if (next === undefined) return;
    this.#running++;
    next.settle(undefined);
  }

  /** Lets go of those that wait for nothing any more; called about once a second, for handlers may never end. */
  sweep(): void {
    const now = this.#parts.clock.now();
    for (const [priority, line] of this.#lines) {
      const kept = line.filter((waiting) => !isOver(waiting, now));
      if (kept.length === line.length) continue;
      const over = line.filter((waiting) => isOver(waiting, now));
      this.#waiting -= over.length;
      if (kept.length === 0) this.#lines.delete(priority);
      else this.#lines.set(priority, kept);
      for (const waiting of over) this.#refuse(waiting, '');
    }
  }

  #add(waiting: Waiting<Entry>): void {
    if (this.#waiting === 0) this.#waitingSince = waiting.since;
    this.#waiting++;
    const line = this.#lines.get(waiting.call.priority);
    if (line === undefined) this.#lines.set(waiting.call.priority, [waiting]);
    else line.push(waiting);
  }

  #isStanding(now: number): boolean {
    return this.#waiting > 0 && now - this.#waitingSince >= STANDING_MS;
  }

  /** Whether somebody has made room for a call: who is less important, or in a standing queue has waited longer. */
  #makeRoom({ priority }: IncomingCall<Entry>, now: number): boolean {
    const lowest = Math.min(...this.#lines.keys());
    const oldest = this.#lines.get(lowest)?.[0];
    if (oldest === undefined) return false;
    const mustGo = lowest < priority || (lowest === priority && this.#isStanding(now)) || isOver(oldest, now);
    if (mustGo) this.#refuse(this.#take(lowest, true)!, this.#queueIsFull());
    return mustGo;
  }

  #next(now: number): Waiting<Entry> | undefined {
    while (this.#waiting > 0) {
      const next = this.#take(Math.max(...this.#lines.keys()), !this.#isStanding(now))!;
      if (!isOver(next, now)) return next;
      this.#refuse(next, '');
    }
    return undefined;
  }

  #refuseTheImpatient(now: number): void {
    for (const [priority, line] of this.#lines)
      while (line.length > 0 && isImpatient(line[0]!, now))
        this.#refuse(this.#take(priority, true)!, ` and this call has waited for half of its time (concurrency.queue)`);
  }

  #take(priority: number, isOldest: boolean): Waiting<Entry> | undefined {
    const line = this.#lines.get(priority);
    const waiting = isOldest ? line?.shift() : line?.pop();
    if (line?.length === 0) this.#lines.delete(priority);
    if (waiting !== undefined) this.#waiting--;
    return waiting;
  }

  #refuse(waiting: Waiting<Entry>, why: string): void {
    waiting.settle(this.#refusal(why));
  }

  #queueIsFull(): string {
    return ` and ${this.#parts.queue} wait (concurrency.queue)`;
  }

  #refusal(why: string): RpcError {
    const { queue, random } = this.#parts;
    const reason = `the server runs ${this.#max} calls already (concurrency.max)${why}`;
    // Without a queue the callers have another node at once; with one this server is what they should spare.
    const retryAfterMs = queue === 0 ? undefined : Math.round(RETRY_AFTER_MS * (0.5 + random()));
    return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused', retryAfterMs });
  }
}

/** Whether nobody waits for the answer of a call any more. */
function isOver({ call }: Waiting<MethodEntry>, now: number): boolean {
  return call.abandoned || call.deadline <= now;
}

function isImpatient({ call, since }: Waiting<MethodEntry>, now: number): boolean {
  return call.abandoned || now - since > (call.deadline - since) / 2;
}
