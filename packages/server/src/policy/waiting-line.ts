import type { RpcError } from '@org/rpc-core';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';

/** A call that waits to run. */
export interface Waiting<Entry extends MethodEntry = MethodEntry> {
  readonly call: IncomingCall<Entry>;
  /** When it began to wait, in the clock's milliseconds. */
  readonly since: number;
  /** Lets the call run (`undefined`), or refuses it with an error. */
  readonly settle: (refusal: RpcError | undefined) => void;
}

/** The waiting calls of one priority, by caller, from the oldest to the newest. The caller whose turn is next comes first. */
interface Level<Entry extends MethodEntry> {
  readonly lines: Map<string, Waiting<Entry>[]>;
  size: number;
  /** When a call that had hardly waited last went in, or else when the first call came. */
  calmAt: number;
  isStanding: boolean;
}

/** A wait of at most this many milliseconds counts as none (CoDel: Nichols, Jacobson, "Controlling Queue Delay", 2012). */
const TARGET_MS = 5;

/** A line that has kept every call waiting during this many milliseconds is standing until it is empty: more calls come than can be done. */
const STANDING_MS = 100;

/** In a standing line a call that has no deadline waits no longer than this, in milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * Calls that wait, by priority and caller. Higher priorities are taken first; callers of equal priority take turns, however much each sends,
 * and when a place is needed, the caller with most waiting calls loses one. A caller's oldest call is taken first, but in a standing line its
 * newest (adaptive LIFO, Maurer, "Fail at Scale", 2015): the old calls have used up most of their time, and serving them in order would make
 * every call late.
 */
export class WaitingLine<Entry extends MethodEntry = MethodEntry> {
  readonly #levels = new Map<number, Level<Entry>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(waiting: Waiting<Entry>): void {
    const { priority, peer } = waiting.call;
    let level = this.#levels.get(priority);
    if (level === undefined) {
      level = { lines: new Map(), size: 0, calmAt: waiting.since, isStanding: false };
      this.#levels.set(priority, level);
    }
    const caller = callerOf(peer);
    const line = level.lines.get(caller);
    if (line === undefined) level.lines.set(caller, [waiting]);
    else line.push(waiting);
    level.size++;
    this.#size++;
  }

  /** Takes out the next call: of the highest priority, from the caller whose turn it is. */
  take(now: number): Waiting<Entry> | undefined {
    if (this.#size === 0) return undefined;
    const priority = Math.max(...this.#levels.keys());
    const level = this.#levels.get(priority)!;
    const [caller, line] = level.lines.entries().next().value!;
    const waiting = stands(level, now) ? line.pop()! : line.shift()!;
    if (now - waiting.since <= TARGET_MS) level.calmAt = now;
    level.lines.delete(caller);
    // The other callers come next.
    if (line.length > 0) level.lines.set(caller, line);
    this.#taken(priority, level);
    return waiting;
  }

  /**
   * Takes out the call that must give way to a new one in a full line: of the lowest priority, the oldest call of the caller that has most;
   * `undefined` when the new call itself must give way.
   */
  evict(call: IncomingCall<Entry>, now: number): Waiting<Entry> | undefined {
    const lowest = Math.min(...this.#levels.keys());
    const level = this.#levels.get(lowest);
    if (level === undefined || lowest > call.priority) return undefined;
    const own = callerOf(call.peer);
    const ownLength = level.lines.get(own)?.length ?? 0;
    let [caller, length] = [own, ownLength];
    for (const [other, line] of level.lines) if (line.length > length) [caller, length] = [other, line.length];
    const line = level.lines.get(caller);
    const oldest = line?.[0];
    if (line === undefined || oldest === undefined) return undefined;
    // One caller's second call is worth no more than another's second.
    const hasRight = lowest < call.priority || length > ownLength + 1;
    if (!hasRight && !stands(level, now) && !isOver(oldest, now)) return undefined;
    line.shift();
    if (line.length === 0) level.lines.delete(caller);
    this.#taken(lowest, level);
    return oldest;
  }

  /** Takes out the calls of standing lines that have waited for half of their time: they can go elsewhere with the other half. */
  takeImpatient(now: number): Waiting<Entry>[] {
    const out: Waiting<Entry>[] = [];
    for (const [priority, level] of this.#levels) {
      if (!stands(level, now)) continue;
      for (const [caller, line] of level.lines)
        while (line.length > 0 && isImpatient(line[0]!, now)) {
          out.push(line.shift()!);
          if (line.length === 0) level.lines.delete(caller);
          this.#taken(priority, level);
        }
    }
    return out;
  }

  /** Takes out the calls that nobody wants an answer to any more. */
  takeOver(now: number): Waiting<Entry>[] {
    const out: Waiting<Entry>[] = [];
    for (const [priority, level] of this.#levels)
      for (const [caller, line] of level.lines) {
        const kept = line.filter((waiting) => !isOver(waiting, now));
        if (kept.length === line.length) continue;
        out.push(...line.filter((waiting) => isOver(waiting, now)));
        const gone = line.length - kept.length;
        if (kept.length === 0) level.lines.delete(caller);
        else level.lines.set(caller, kept);
        level.size -= gone;
        this.#size -= gone;
        if (level.size === 0) this.#levels.delete(priority);
      }
    return out;
  }

  #taken(priority: number, level: Level<Entry>): void {
    this.#size--;
    level.size--;
    if (level.size === 0) this.#levels.delete(priority);
  }
}

/** The caller that a call counts for: the identity that the peer has proved, else the host that it connects from. */
export function callerOf({ identity, address }: IncomingCall['peer']): string {
  if (identity !== undefined) return identity;
  const colon = address.lastIndexOf(':');
  return colon < 0 ? address : address.slice(0, colon);
}

function stands(level: { readonly calmAt: number; isStanding: boolean }, now: number): boolean {
  level.isStanding ||= now - level.calmAt >= STANDING_MS;
  return level.isStanding;
}

/** Whether nobody waits for the answer to a call any more. */
export function isOver({ call }: Waiting, now: number): boolean {
  return call.abandoned || call.deadline <= now;
}

function isImpatient({ call, since }: Waiting, now: number): boolean {
  if (call.abandoned) return true;
  return now - since > (call.deadline === Number.POSITIVE_INFINITY ? PATIENCE_MS : (call.deadline - since) / 2);
}
