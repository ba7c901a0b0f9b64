import type { OperatorReport } from '@org/rpc';
import { type Clock, isRpcError } from '@org/rpc-core';
import { plainText } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { type InstanceAccess, InstanceClient } from '../instances/instance-client.js';
import { type CallDelta, reportDelta } from '../traffic/report-delta.js';
import type { ReportStatus } from './fleet-view.js';

/** How soon to ask an instance again where reports are off or refused, in milliseconds: only a deploy can change that. */
const LATER_MS = 10_000;
const REASON_LENGTH_MAX = 300;

/** What watching an instance needs from its fleet. */
export interface WatchedEnvironment extends InstanceAccess {
  readonly clock: Clock;
  /** How often the instance is asked, in milliseconds. */
  readonly everyMs: number;
  /** Called with the calls since the report before. */
  onCalls(instance: string, deltas: readonly CallDelta[]): void;
  /** Called with each report. */
  onReport(endpoint: Endpoint, report: OperatorReport): void;
}

/** An instance that is asked for a report each second, until `close`. */
export class WatchedInstance {
  readonly client: InstanceClient;
  endpoint: Endpoint;
  status: ReportStatus = 'pending';
  reason: string | undefined;
  report: OperatorReport | undefined;
  /** How many reports have come. */
  reports = 0;
  readonly #environment: WatchedEnvironment;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(endpoint: Endpoint, environment: WatchedEnvironment) {
    this.endpoint = endpoint;
    this.#environment = environment;
    this.client = new InstanceClient(endpoint, environment);
    void this.#ask();
  }

  /** Stops asking, and closes once pending calls are answered. Never rejects. */
  retire(): Promise<void> {
    this.#stop();
    return this.client.retire();
  }

  /** Closes at once. Idempotent, never rejects. */
  close(): Promise<void> {
    this.#stop();
    return this.client.close();
  }

  #stop(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  async #ask(): Promise<void> {
    try {
      const report = await this.client.report();
      if (this.#isClosed) return;
      // In an unknown version the same names may mean other things.
      if (report?.version !== 1) throw new TypeError('it answers in a form that is not known here: update rpc');
      this.#environment.onCalls(this.endpoint.id, reportDelta(this.report, report));
      this.#environment.onReport(this.endpoint, report);
      this.report = report;
      this.reports++;
      this.status = 'answered';
      this.reason = undefined;
    } catch (error) {
      this.status = statusOf(error);
      const text = isRpcError(error) ? error.reason : (error as Error).message;
      this.reason =
        this.status === 'off'
          ? 'it tells nothing of itself: give its createServer the option operator'
          : plainText(text).slice(0, REASON_LENGTH_MAX);
    }
    if (this.#isClosed) return;
    const isWilling = this.status === 'answered' || this.status === 'unreachable';
    const { clock, everyMs } = this.#environment;
    this.#cancel = clock.schedule(isWilling ? everyMs : LATER_MS, () => void this.#ask());
  }
}

function statusOf(error: unknown): ReportStatus {
  if (isRpcError(error, 'UNIMPLEMENTED')) return 'off';
  if (isRpcError(error, 'PERMISSION_DENIED') || isRpcError(error, 'UNAUTHENTICATED')) return 'refused';
  return 'unreachable';
}
