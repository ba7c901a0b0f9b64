import type { OperatorReport } from '@org/rpc';
import type { NodeOpinion } from '@org/rpc-core';

/** What a caller has or had against an instance in the last minute. */
export interface HeldOpinion extends NodeOpinion {
  /** The instance of whose process the caller is: callers of one name are told apart by it. */
  readonly toldBy: string;
  /** How long ago that was so, in seconds; 0 while it is. */
  readonly secondsAgo: number;
}

/** How long an opinion is shown after its caller has given it up, in seconds: what comes and goes in a second is missed else. */
const HELD_SECONDS = 60;
/** What was told so lately holds now, in seconds: processes are asked once a second. */
const NOW_SECONDS = 3;
const OPINIONS_MAX = 5_000;

interface Held {
  readonly opinion: NodeOpinion;
  readonly toldBy: string;
  readonly process: string;
  readonly second: number;
}

/** Keeps the opinions that callers tell for a minute. */
export class HeldOpinions {
  /** The oldest first. */
  readonly #held = new Map<string, Held>();

  /** @param toldBy - the id of the instance whose report it is @param second - now, in whole seconds of the clock */
  record(toldBy: string, { opinions, process }: Pick<OperatorReport, 'opinions' | 'process'>, second: number): void {
    for (const opinion of opinions) {
      const { client, service, instance, isAvoided } = opinion;
      // Several servers of a process tell of the same clients.
      const key = JSON.stringify([process, client, service, instance, isAvoided]);
      const known = this.#held.get(key);
      if (known === undefined && this.#held.size >= OPINIONS_MAX) continue;
      this.#held.delete(key);
      this.#held.set(key, { opinion, toldBy: known?.toldBy ?? toldBy, process, second });
    }
  }

  /** Forgets old ones; called about once a second. */
  sweep(second: number): void {
    for (const [key, held] of this.#held) {
      if (second - held.second <= HELD_SECONDS) return;
      this.#held.delete(key);
    }
  }

  /** By instance, at most `max` of each, the present and the graver ones first. */
  byInstance(second: number, max: number): ReadonlyMap<string, readonly HeldOpinion[]> {
    const by = new Map<string, HeldOpinion[]>();
    for (const held of this.#held.values()) {
      const { opinion, toldBy } = held;
      const age = second - held.second;
      if (age > HELD_SECONDS || this.#isCoveredByGraver(held)) continue;
      const list = by.get(opinion.instance) ?? [];
      list.push({ ...opinion, toldBy, secondsAgo: age <= NOW_SECONDS ? 0 : age });
      by.set(opinion.instance, list);
    }
    for (const [instance, list] of by) by.set(instance, list.sort(byGravity).slice(0, max));
    return by;
  }

  /** That it gives an instance fewer calls says nothing of a caller that has given it none since. */
  #isCoveredByGraver({ opinion, process, second }: Held): boolean {
    const { client, service, instance, isAvoided } = opinion;
    if (isAvoided) return false;
    const graver = this.#held.get(JSON.stringify([process, client, service, instance, true]));
    return graver !== undefined && graver.second >= second;
  }
}

function byGravity(a: HeldOpinion, b: HeldOpinion): number {
  return a.secondsAgo - b.secondsAgo || Number(b.isAvoided) - Number(a.isAvoided);
}
