import type { OperatorReport } from '@org/rpc';
import type { CallPhase, CallTrouble, Code, DownstreamCall } from '@org/rpc-core';
import { SLOT_SECONDS, TRAFFIC_SECONDS } from './traffic.js';

/** What went wrong with calls in the last minutes, or was done about it. The names in it are foreign text. */
export interface Trouble {
  /** `refused`: a server has not let calls in. The others: what clients say of their calls, see `CallTrouble`. */
  readonly what: CallTrouble['what'] | 'refused';
  /** Who has called. */
  readonly caller: string;
  readonly service: string;
  readonly method: string;
  /** The address of the instance that it was about; `''` for none. */
  readonly endpoint: string;
  readonly code: Code | undefined;
  /** What took the time of a call that was late or could not be made; `undefined`: its handler has answered so. */
  readonly culprit: CallPhase | undefined;
  /** Of the culprit `downstream`: the call that the handler waited for. */
  readonly downstream?: DownstreamCall | undefined;
  /** What refused a call, in words: a limit or a rule. */
  readonly by: string | undefined;
  /** By which rule it was so. */
  readonly rule?: string | undefined;
  readonly count: number;
}

type Row = Omit<Trouble, 'count'>;

/** Different ones beyond these are not kept. */
const ROWS_MAX = 2_000;
/** Processes and servers whose last counts are remembered. */
const SOURCES_MAX = 2_000;

/** What went wrong in the last minutes, as the processes tell it. Memory is bounded, whatever they report. */
export class Troubles {
  readonly #rows = new Map<string, { readonly row: Row; readonly slots: Map<number, number> }>();
  /** What each process, and each server, has counted before: all servers of a process tell the same of its clients. */
  readonly #before = new Map<string, ReadonlyMap<string, number>>();

  /** Takes a report. @param endpoint - the address of the server @param second - the clock's time in whole seconds */
  record(
    endpoint: string,
    { calls, troubles = [], process = endpoint, countingSince }: OperatorReport,
    second: number,
  ): void {
    const slot = Math.floor(second / SLOT_SECONDS);
    this.#addNews(
      `process ${process}`,
      troubles.map(({ client, refusedBy, count, ...row }) => [{ ...row, caller: client, by: refusedBy }, count]),
      slot,
    );
    const refused = calls.flatMap(({ service, method, caller, refusals = {} }) =>
      Object.entries(refusals).map(([by, count]): [Row, number] => [
        { what: 'refused', caller, service, method, endpoint, code: undefined, culprit: undefined, by },
        count,
      ]),
    );
    this.#addNews(`server ${endpoint} ${countingSince}`, refused, slot);
  }

  /** Those of the last minutes, the most frequent first. */
  lately(second: number, max: number): readonly Trouble[] {
    const from = Math.floor((second - TRAFFIC_SECONDS) / SLOT_SECONDS);
    const all = Array.from(this.#rows.values(), ({ row, slots }): Trouble => {
      let count = 0;
      for (const [slot, some] of slots) if (slot >= from) count += some;
      return { ...row, count };
    });
    return all
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, max);
  }

  /** Forgets old ones; called about once a second. */
  sweep(second: number): void {
    const oldest = Math.floor((second - TRAFFIC_SECONDS) / SLOT_SECONDS);
    for (const [key, { slots }] of this.#rows) {
      for (const slot of slots.keys()) if (slot < oldest) slots.delete(slot);
      if (slots.size === 0) this.#rows.delete(key);
    }
  }

  /** Adds what was counted since the report before; of the first one nobody knows since when it counts. */
  #addNews(source: string, counts: readonly (readonly [Row, number])[], slot: number): void {
    const before = this.#before.get(source);
    // Two clients of one name are one caller.
    const now = new Map<string, { readonly row: Row; count: number }>();
    for (const [row, count] of counts) {
      const key = keyOf(row);
      const known = now.get(key);
      if (known === undefined) now.set(key, { row, count });
      else known.count += count;
    }
    // The order of the last reports is the order in which they are forgotten.
    this.#before.delete(source);
    this.#before.set(source, new Map(Array.from(now, ([key, { count }]) => [key, count])));
    if (this.#before.size > SOURCES_MAX) this.#before.delete(this.#before.keys().next().value!);
    if (before === undefined) return;
    for (const [key, { row, count }] of now) {
      const old = before.get(key) ?? 0;
      const news = count < old ? count : count - old;
      if (news > 0) this.#add(key, row, news, slot);
    }
  }

  #add(key: string, row: Row, count: number, slot: number): void {
    let kept = this.#rows.get(key);
    if (kept === undefined) {
      if (this.#rows.size >= ROWS_MAX) return;
      kept = { row, slots: new Map() };
      this.#rows.set(key, kept);
    }
    kept.slots.set(slot, (kept.slots.get(slot) ?? 0) + count);
  }
}

function keyOf({ what, caller, service, method, endpoint, code, culprit, downstream, by, rule }: Row): string {
  const below = [downstream?.service, downstream?.method, downstream?.instance];
  return JSON.stringify([what, caller, service, method, endpoint, code, culprit, below, by, rule]);
}
