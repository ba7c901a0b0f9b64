import type { Cancel } from '@org/rpc-core';
import type { RulesReport } from '@org/rpc-registry';
import { formatReport, REPORT_TTL_MS } from '@org/rpc-registry/internal';
import { Backoff } from '../backoff.js';
import { asEtcdError } from '../client/etcd-port.js';
import { Lease, type LeaseEnvironment } from '../registration/lease.js';
import type { RulesKeys } from './rules-keys.js';

/** What reporting works with; its `ttlSeconds` is not that of registrations. */
export interface RulesReporterEnvironment extends LeaseEnvironment {
  readonly rulesKeys: RulesKeys;
}

interface Wanted {
  /** `undefined` when the report is to go. */
  readonly value: string | undefined;
}

/**
 * Keeps what this process says of rules in etcd, on a short lease of its own, so that what is read there was said by somebody
 * who lives. Nothing is written before there is something to say. Failures are tried again and stay silent: whether reports
 * arrive must not matter to calls.
 */
export class RulesReporter {
  readonly #environment: RulesReporterEnvironment;
  readonly #lease: Lease;
  readonly #backoff: Backoff;
  /** By key: what etcd does not hold yet. */
  readonly #pending = new Map<string, Wanted>();
  /** By key: what etcd was made to hold, for the day when the lease is lost. */
  readonly #written = new Map<string, string>();
  #isPassing = false;
  #isUsed = false;
  #cancelRetry: Cancel | undefined;
  #isClosed = false;

  constructor(environment: RulesReporterEnvironment) {
    this.#environment = { ...environment, ttlSeconds: REPORT_TTL_MS / 1_000 };
    const { clock, random, timing } = environment;
    this.#backoff = new Backoff(clock, random, timing.registrationBackoff);
    this.#lease = new Lease(this.#environment, {
      lost: () => this.#writeAnew(),
      failed: () => undefined,
      succeeded: () => undefined,
    });
  }

  /** Replaces what a reporter says of a service; `undefined` takes it back. */
  report(service: string, reporter: string, report: RulesReport | undefined): void {
    const key = this.#environment.rulesKeys.report(service, reporter);
    if (report === undefined && !this.#isUsed) return;
    this.#isUsed = true;
    this.#pending.set(key, { value: report && formatReport(report) });
    void this.#pass();
  }

  /** Takes all reports back, waiting for etcd as long as a close may. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#lease.stop();
    if (!this.#isUsed) return;
    const { clock, timing } = this.#environment;
    let cancel: Cancel | undefined;
    const expired = new Promise<void>((resolve) => {
      cancel = clock.schedule(timing.closeDeadlineMs, resolve);
    });
    await Promise.race([this.#lease.close(), expired]);
    cancel?.();
  }

  #writeAnew(): void {
    for (const [key, value] of this.#written) if (!this.#pending.has(key)) this.#pending.set(key, { value });
    void this.#pass();
  }

  async #pass(): Promise<void> {
    if (this.#isPassing || this.#isClosed) return;
    this.#isPassing = true;
    this.#cancelRetry?.();
    try {
      while (this.#pending.size > 0 && !this.#isClosed) await this.#writeOne();
      this.#backoff.forgive();
    } catch (thrown) {
      this.#failed(asEtcdError(thrown).kind === 'leaseNotFound');
    }
    this.#isPassing = false;
  }

  async #writeOne(): Promise<void> {
    const leaseId = await this.#lease.ensure();
    if (this.#isClosed) return;
    const [key, wanted] = this.#pending.entries().next().value!;
    const { value } = wanted;
    const { holder, timing } = this.#environment;
    try {
      if (value === undefined)
        await holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.deleteIf(key, leaseId, deadlineMs));
      else await holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.put(key, value, leaseId, deadlineMs));
    } catch (thrown) {
      if (asEtcdError(thrown).kind === 'leaseNotFound') this.#lease.forget(leaseId);
      throw thrown;
    }
    if (value === undefined) this.#written.delete(key);
    else this.#written.set(key, value);
    // It may have been replaced meanwhile.
    if (this.#pending.get(key) === wanted) this.#pending.delete(key);
  }

  #failed(isLeaseLost: boolean): void {
    if (this.#isClosed) return;
    const delayMs = this.#backoff.next();
    this.#cancelRetry = this.#environment.clock.schedule(
      delayMs,
      () => (isLeaseLost ? this.#writeAnew() : void this.#pass()),
      true,
    );
  }
}
