import type { Cancel, Clock, Random } from '@org/rpc-core';
import { Backoff } from '../backoff.js';
import type { ClientHolder } from '../client/client-holder.js';
import { asEtcdError, type EtcdError } from '../client/etcd-port.js';
import type { EtcdTiming } from '../timing.js';

/** What a lease works with. */
export interface LeaseEnvironment {
  readonly holder: ClientHolder;
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: EtcdTiming;
  readonly ttlSeconds: number;
}

/** Who is told of a lease. None of these functions may throw. */
export interface LeaseSink {
  /** etcd has no such lease any more; {@link Lease.ensure} gets another one. */
  lost(): void;
  failed(error: EtcdError): void;
  succeeded(): void;
}

/**
 * Holds one lease at a time and renews it every third of its time to live, on the monotonic clock.
 *
 * A renewal that succeeds does not prove that the keys are there (etcd before 3.4.38 also renews revoked leases): whoever
 * attaches keys must check them.
 */
export class Lease {
  readonly #environment: LeaseEnvironment;
  readonly #sink: LeaseSink;
  readonly #backoff: Backoff;
  /** The last few that were granted: a key that carries one of them was written by us. */
  readonly #granted: string[] = [];
  #id: string | undefined;
  #ttlMs = 0;
  #expiresAt = Number.NEGATIVE_INFINITY;
  #granting: Promise<string> | undefined;
  #cancelTimer: Cancel | undefined;
  #closed = false;

  constructor(environment: LeaseEnvironment, sink: LeaseSink) {
    this.#environment = environment;
    this.#sink = sink;
    this.#backoff = new Backoff(environment.clock, environment.random, environment.timing.registrationBackoff);
  }

  /** Whether the lease was renewed within its time to live. If not, our keys are probably gone. */
  get alive(): boolean {
    return this.#id !== undefined && this.#environment.clock.now() < this.#expiresAt;
  }

  /** Whether a lease is ours, or was recently. */
  owns(leaseId: string): boolean {
    return this.#granted.includes(leaseId);
  }

  /** The id of a lease, a new one when there is none. @throws EtcdError */
  ensure(): Promise<string> {
    if (this.#id !== undefined) return Promise.resolve(this.#id);
    this.#granting ??= this.#grant().finally(() => {
      this.#granting = undefined;
    });
    return this.#granting;
  }

  /** Forgets the lease that etcd says it does not have. */
  forget(leaseId: string): void {
    if (this.#id !== leaseId) return;
    this.#id = undefined;
    this.#cancelTimer?.();
  }

  /** Ends the renewals. Idempotent. */
  stop(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  /** Stops and revokes it, which deletes its keys. Never rejects; takes as long as etcd takes, within a deadline. */
  async close(): Promise<void> {
    this.stop();
    const { holder, timing } = this.#environment;
    try {
      const id = this.#id ?? (await this.#granting);
      if (id !== undefined)
        await holder.call(timing.closeDeadlineMs, (port, deadlineMs) => port.revoke(id, deadlineMs));
    } catch {
      // It expires by itself.
    }
  }

  async #grant(): Promise<string> {
    const { holder, timing, ttlSeconds, clock } = this.#environment;
    const askedAt = clock.now();
    const { id, ttlSeconds: granted } = await holder.call(timing.callDeadlineMs, (port, deadlineMs) =>
      port.grant(ttlSeconds, deadlineMs),
    );
    this.#granted.push(id);
    if (this.#granted.length > GRANTED_KEPT) this.#granted.shift();
    this.#id = id;
    this.#ttlMs = granted * 1_000;
    this.#expiresAt = askedAt + this.#ttlMs;
    this.#renewLater(this.#intervalMs());
    return id;
  }

  async #renew(id: string): Promise<void> {
    const { holder, timing, clock } = this.#environment;
    const askedAt = clock.now();
    try {
      const call = holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.keepAliveOnce(id, deadlineMs));
      const ttlSeconds = await call;
      if (this.#closed || this.#id !== id) return;
      this.#backoff.forgive();
      this.#sink.succeeded();
      if (ttlSeconds <= 0) {
        this.forget(id);
        this.#sink.lost();
        return;
      }
      this.#expiresAt = askedAt + ttlSeconds * 1_000;
      this.#renewLater(this.#intervalMs());
    } catch (thrown) {
      if (this.#closed || this.#id !== id) return;
      const error = asEtcdError(thrown);
      this.#sink.failed(error);
      this.#renewLater(Math.min(this.#backoff.next(), this.#ttlMs / RENEWALS_PER_TTL), error);
    }
  }

  /** Jittered, so that servers which were started together do not renew together. */
  #intervalMs(): number {
    return (this.#ttlMs / RENEWALS_PER_TTL) * (1 - this.#environment.random() * RENEWAL_JITTER);
  }

  /** @param failed - the failure before it, if there was one: the renewal may then come sooner */
  #renewLater(delayMs: number, failed?: EtcdError): void {
    this.#cancelTimer?.();
    if (this.#closed) return;
    const id = this.#id;
    if (id === undefined) return;
    const { clock, holder } = this.#environment;
    const renew = (): void => void this.#renew(id);
    this.#cancelTimer =
      failed === undefined ? clock.schedule(delayMs, renew, true) : holder.retry(failed, delayMs, renew);
  }
}

const RENEWALS_PER_TTL = 3;
const RENEWAL_JITTER = 0.2;
const GRANTED_KEPT = 16;
