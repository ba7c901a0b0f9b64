import { createHash } from 'node:crypto';
import type { CallKind, Flow, Said } from './script.js';

/** What became of one call, as its caller saw it. */
export interface CallRecord {
  readonly id: number;
  readonly client: number;
  readonly call: CallKind;
  readonly flow: Flow;
  readonly said: Said;
  readonly startedAt: number;
  /** When it must have settled, without the tolerance; it moves forward when the caller cancels. */
  settleBy: number;
  settledAt: number | undefined;
  /** `ok` and more, or a code and how far the call got. */
  outcome: string | undefined;
  /** What the caller was told of a failure. */
  message: string | undefined;
}

/** One run of a handler. */
export interface Execution {
  readonly host: string;
  readonly at: number;
  readonly isMirror: boolean;
}

/** Items that one end of a stream has handed over and the other has been given. */
export interface FlowRecord {
  sent: number;
  taken: number;
  readonly itemBytes: number;
  /** The most bytes that were on their way. */
  openMax: number;
}

/** What a process takes to notice that it has stood still, in virtual milliseconds. */
const LATE_MS = 10;

/** All that is known of a run, kept by those who make calls and those who serve them. */
export class Ledger {
  readonly calls = new Map<number, CallRecord>();
  readonly executions = new Map<number, Execution[]>();
  readonly flows = new Map<string, FlowRecord>();
  /** What was not as it must be. */
  readonly violations: string[] = [];
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly #stalls: { readonly client: number; readonly fromMs: number; readonly untilMs: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param invariant - `I1` to `I9` */
  violate(invariant: string, what: string): void {
    const text = `${invariant} at ${this.#now().toFixed(1)} ms: ${what}`;
    if (this.violations.length < 20) this.violations.push(text);
    this.note(text);
  }

  note(what: string): void {
    this.lines.push(`${this.#now().toFixed(3)} ${what}`);
  }

  begun(record: CallRecord): void {
    this.calls.set(record.id, record);
  }

  /** A client has no turn until then, and some more to notice what has passed. */
  stalled(client: number, untilMs: number): void {
    this.#stalls.push({ client, fromMs: this.#now(), untilMs });
  }

  /** When a call must have ended, `toleranceMs` after it is due; where its client had no turn meanwhile, so much later. */
  endOf({ client, settleBy }: CallRecord, toleranceMs: number): number {
    let end = settleBy + toleranceMs;
    for (const { client: whose, fromMs, untilMs } of this.#stalls)
      if (whose === client && fromMs <= end && untilMs >= settleBy) end += untilMs - fromMs + LATE_MS;
    return end;
  }

  settled(record: CallRecord, outcome: string): void {
    if (record.settledAt !== undefined) this.violate('I1', `call ${record.id} has settled twice`);
    record.settledAt = this.#now();
    record.outcome = outcome;
    this.note(`call ${record.id} (${record.call}) ${outcome}`);
  }

  executed(id: number, host: string, isMirror: boolean): void {
    const list = this.executions.get(id) ?? [];
    this.executions.set(id, list);
    list.push({ host, at: this.#now(), isMirror });
    this.note(`call ${id} runs at ${host}${isMirror ? ' as a mirror' : ''}`);
  }

  flow(name: string, itemBytes: number): FlowRecord {
    const known = this.flows.get(name);
    if (known !== undefined) return known;
    const made = { sent: 0, taken: 0, itemBytes, openMax: 0 };
    this.flows.set(name, made);
    return made;
  }

  /** The same for two runs that went the same way. */
  get hash(): string {
    return createHash('sha1').update(this.lines.join('\n')).digest('hex').slice(0, 16);
  }
}

/** One item more was handed over. */
export function countSent(flow: FlowRecord): void {
  flow.sent++;
  flow.openMax = Math.max(flow.openMax, (flow.sent - flow.taken) * flow.itemBytes);
}
