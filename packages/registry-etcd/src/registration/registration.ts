import type { Cancel } from '@org/rpc-core';
import { describeValue } from '@org/rpc-core/internal';
import type { Instance, Registration, RegistrationState } from '@org/rpc-registry';
import { readInstance } from '@org/rpc-registry/internal';
import { Backoff } from '../backoff.js';
import { asEtcdError, type EtcdError } from '../client/etcd-port.js';
import { formatInstanceValue } from '../instances/instance-value.js';
import type { ServiceKeys } from '../keys.js';
import { Outage, type Report } from '../report.js';
import { Lease, type LeaseEnvironment } from './lease.js';
import { OwnKey } from './own-key.js';

/** What a registration works with. */
export interface RegistrationEnvironment extends LeaseEnvironment {
  readonly keys: ServiceKeys;
  readonly report: Report;
}

interface Waiter {
  readonly version: number;
  readonly done: () => void;
}

/**
 * Keeps one instance in etcd: a key for each of its services, all on one lease. Whatever is lost (lease, key, the whole store) is
 * written anew. What another process has written under our key is reported and left alone until it goes away.
 *
 * It is level-triggered: every sign of trouble starts the same pass, which compares what should be there with what is there and
 * mends the difference. So signs may be late, doubled or wrong.
 */
export class EtcdRegistration implements Registration {
  readonly registered: Promise<void>;
  readonly #environment: RegistrationEnvironment;
  readonly #lease: Lease;
  readonly #outage: Outage;
  readonly #backoff: Backoff;
  readonly #keys = new Map<string, OwnKey>();
  readonly #waiters = new Set<Waiter>();
  #instance: Instance;
  /** Counts the updates; a pass settles those from before it began. */
  #version = 0;
  #passing = false;
  #again = false;
  #complete = false;
  /** Whether the pass before failed for want of its lease. */
  #regranting = false;
  #error: Error | undefined;
  #cancelRetry: Cancel | undefined;
  #closing: Promise<void> | undefined;
  #settleRegistered!: { done: () => void; fail: (error: Error) => void };

  constructor(instance: Instance, environment: RegistrationEnvironment) {
    this.#instance = instance;
    this.#environment = environment;
    const { clock, random, timing, report } = environment;
    this.#outage = new Outage(report, `registering ${instance.endpoint.id}`);
    this.#backoff = new Backoff(clock, random, timing.registrationBackoff);
    this.#lease = new Lease(environment, {
      lost: () => this.#leaseLost(),
      failed: (error) => {
        this.#error = error;
        this.#outage.failed(error);
      },
      succeeded: this.#outage.succeeded.bind(this.#outage),
    });
    this.registered = new Promise((done, fail) => {
      this.#settleRegistered = { done, fail };
    });
    // Nobody has to wait for it.
    this.registered.catch(() => undefined);
    this.#reconcile();
  }

  state(): RegistrationState {
    if (this.#closing !== undefined) return { status: 'closed' };
    if (this.#complete && this.#lease.alive) return { status: 'registered' };
    return { status: 'pending', error: this.#error };
  }

  async update(instance: Instance): Promise<void> {
    const checked = readInstance('update', instance);
    const { id } = this.#instance.endpoint;
    if (checked.endpoint.id !== id) {
      const got = describeValue(checked.endpoint.id);
      throw new TypeError(`update: endpoint.id must stay ${describeValue(id)}, got ${got}; register another instance`);
    }
    if (this.#closing !== undefined) return;
    this.#instance = checked;
    const version = ++this.#version;
    this.#reconcile();
    await new Promise<void>((done) => {
      this.#waiters.add({ version, done });
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelRetry?.();
    this.#lease.stop();
    const { clock, timing } = this.#environment;
    let cancel: Cancel | undefined;
    const expired = new Promise<void>((resolve) => {
      cancel = clock.schedule(timing.closeDeadlineMs, resolve);
    });
    await Promise.race([this.#leave(), expired]);
    cancel?.();
    const { id } = this.#instance.endpoint;
    this.#settleRegistered.fail(new Error(`the registration of ${id} was closed before it was written`));
    for (const { done } of this.#waiters) done();
    this.#waiters.clear();
  }

  /** Says goodbye, then deletes. Never rejects. */
  async #leave(): Promise<void> {
    const goodbye = formatInstanceValue({ ...this.#instance.endpoint, state: 'draining' });
    await Promise.allSettled([...this.#keys.values()].map((key) => key.farewell(goodbye)));
    // Revoking deletes our keys and no others; a key that is being written now fails because its lease is gone.
    await this.#lease.close();
  }

  #leaseLost(): void {
    this.#error = new Error('etcd has dropped the lease');
    this.#complete = false;
    this.#reconcile();
  }

  /** Starts a pass, or has the one in progress followed by another. */
  #reconcile(): void {
    this.#again = true;
    if (!this.#passing) void this.#passes();
  }

  async #passes(): Promise<void> {
    this.#passing = true;
    // Later, because this may be inside the constructor or a callback.
    await undefined;
    while (this.#again && this.#closing === undefined) {
      this.#again = false;
      this.#cancelRetry?.();
      const version = this.#version;
      try {
        const whole = await this.#pass();
        if (this.#closing === undefined) this.#passed(whole, version);
      } catch (thrown) {
        if (this.#closing === undefined) this.#failed(asEtcdError(thrown));
      }
    }
    this.#passing = false;
  }

  /** Makes etcd hold what it should. Resolves with false when another process holds one of our keys. */
  async #pass(): Promise<boolean> {
    const leaseId = await this.#lease.ensure();
    // Nobody would close what is made after this.
    if (this.#closing !== undefined) return false;
    const { services, endpoint } = this.#instance;
    const value = formatInstanceValue(endpoint);
    const wanted = new Map(
      services.map((service) => [this.#environment.keys.instanceKey(service, endpoint.id), service]),
    );
    const work: Promise<boolean>[] = [];
    for (const [key, own] of this.#keys) if (!wanted.has(key)) work.push(this.#withdraw(key, own));
    for (const [key, service] of wanted) work.push(this.#own(key, service).write(value, leaseId));
    const results = await Promise.allSettled(work);
    let whole = true;
    for (const result of results) {
      if (result.status === 'fulfilled') {
        whole &&= result.value;
        continue;
      }
      const error = asEtcdError(result.reason);
      if (error.kind === 'leaseNotFound') this.#lease.forget(leaseId);
      throw error;
    }
    return whole;
  }

  async #withdraw(key: string, own: OwnKey): Promise<boolean> {
    await own.withdraw();
    this.#keys.delete(key);
    return true;
  }

  #own(key: string, service: string): OwnKey {
    let own = this.#keys.get(key);
    if (own === undefined || own.closed) {
      const sink = {
        doubtful: () => this.#reconcile(),
        lost: () => {
          this.#complete = false;
        },
      };
      own = new OwnKey(key, service, (leaseId) => this.#lease.owns(leaseId), sink, this.#environment);
      this.#keys.set(key, own);
    }
    return own;
  }

  #passed(whole: boolean, version: number): void {
    this.#regranting = false;
    this.#backoff.forgive();
    this.#outage.succeeded();
    if (!whole) {
      this.#complete = false;
      this.#error = new Error(`another process has written the entry of ${this.#instance.endpoint.id}`);
      return;
    }
    if (!this.#complete) {
      this.#complete = true;
      this.#error = undefined;
      const { id } = this.#instance.endpoint;
      this.#environment.report({
        kind: 'registered',
        message: `${id} is registered for ${this.#instance.services.join(', ')}`,
      });
    }
    this.#settleRegistered.done();
    for (const waiter of this.#waiters) {
      if (waiter.version > version) continue;
      this.#waiters.delete(waiter);
      waiter.done();
    }
  }

  #failed(error: EtcdError): void {
    this.#complete = false;
    this.#error = error;
    if (error.kind === 'leaseNotFound' && !this.#regranting) {
      // No outage: etcd has answered, and a new lease will probably work.
      this.#regranting = true;
      this.#again = true;
      return;
    }
    this.#outage.failed(error);
    const { holder, random } = this.#environment;
    const delayMs = this.#backoff.next();
    // Refusing a write for lack of space is cheap for etcd, and only a write shows when there is space again.
    const boundMs = error.kind === 'exhausted' ? FULL_RETRY_MS * (1 - random() / 2) : delayMs;
    this.#cancelRetry = holder.retry(error, Math.min(delayMs, boundMs), () => this.#reconcile());
  }
}

/** The longest wait before a registration for which etcd has no space is tried again, in milliseconds. */
const FULL_RETRY_MS = 2_000;
