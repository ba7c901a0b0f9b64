import type { PortCall } from '../client/client-holder.js';
import { EtcdError, type KeyValue } from '../client/etcd-port.js';
import { type Reflection, Reflector, type ReflectorEnvironment } from '../reflector/reflector.js';
import type { Report } from '../report.js';

/** What a key works with. */
export interface OwnKeyEnvironment extends ReflectorEnvironment {
  readonly report: Report;
}

/** Who is told of a key. Neither function may throw. */
export interface OwnKeySink {
  /** It may no longer hold what was written. Writing it again finds out. */
  doubtful(): void;
  /** It was found to be gone, and is being written anew. */
  lost(): void;
}

/** One key of a registration: writes it with care, and looks after it from then on. */
export class OwnKey {
  readonly #key: string;
  readonly #service: string;
  readonly #isOurs: (leaseId: string) => boolean;
  readonly #sink: OwnKeySink;
  readonly #environment: OwnKeyEnvironment;
  readonly #reflector: Reflector;
  /** What we have written; `undefined` before the first write. */
  #written: { readonly value: string; readonly leaseId: string; readonly revision: number } | undefined;
  /** The lease of the last write, whether or not it was answered. */
  #leaseId: string | undefined;
  #doubtful = false;
  /** The revision of what another process has written here, 0 when none has. */
  #foreignRevision = 0;
  #closed = false;

  /** @param isOurs - whether a lease is one of this registration */
  constructor(
    key: string,
    service: string,
    isOurs: (leaseId: string) => boolean,
    sink: OwnKeySink,
    environment: OwnKeyEnvironment,
  ) {
    this.#key = key;
    this.#service = service;
    this.#isOurs = isOurs;
    this.#sink = sink;
    this.#environment = environment;
    const reflect = (reflection: Reflection): void => this.#compare(reflection);
    // The renewals of the lease show already whether etcd answers.
    const timing = { ...environment.timing, watchdogMs: environment.timing.resyncMs };
    this.#reflector = new Reflector({ key }, { reflect }, { ...environment, timing });
  }

  /** Whether it is no longer kept. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Makes the key hold a value under a lease. The first write overwrites anything, because a process that was restarted under the
   * same id must not wait until its old entry expires. After that, nothing of another process is overwritten.
   *
   * @returns false when another process has written it
   * @throws EtcdError
   */
  async write(value: string, leaseId: string): Promise<boolean> {
    const before = this.#written;
    if (before?.value === value && before.leaseId === leaseId && !this.#doubtful) return true;
    this.#doubtful = false;
    this.#leaseId = leaseId;
    try {
      if (before === undefined) {
        const revision = await this.#call((port, deadlineMs) => port.put(this.#key, value, leaseId, deadlineMs));
        this.#written = { value, leaseId, revision };
        if (!this.#closed) this.#reflector.start();
        return true;
      }
      return await this.#rewrite(value, leaseId, before.revision);
    } catch (error) {
      // The write may have happened for all we know.
      this.#doubtful = true;
      throw error;
    }
  }

  /**
   * Writes a last value if the key is ours: the goodbye, by which watchers tell a deletion on purpose from an expired lease.
   * @throws EtcdError
   */
  async farewell(value: string): Promise<void> {
    this.close();
    const written = this.#written;
    if (written === undefined || written.value === value) return;
    const { leaseId, revision } = written;
    const { holder, timing } = this.#environment;
    await holder.call(timing.closeDeadlineMs, (port, deadlineMs) =>
      port.putIf(this.#key, value, leaseId, revision, deadlineMs),
    );
  }

  /** Deletes the key if it is ours. @throws EtcdError */
  async withdraw(): Promise<void> {
    this.close();
    const leaseId = this.#leaseId;
    if (leaseId !== undefined) await this.#call((port, deadlineMs) => port.deleteIf(this.#key, leaseId, deadlineMs));
  }

  /** Stops looking after it. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#reflector.close();
  }

  async #rewrite(value: string, leaseId: string, revision: number): Promise<boolean> {
    let expected = revision;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const result = await this.#call((port, deadlineMs) =>
        port.putIf(this.#key, value, leaseId, expected, deadlineMs),
      );
      if (result.written) {
        this.#written = { value, leaseId, revision: result.revision };
        this.#foreignRevision = 0;
        return true;
      }
      const { current } = result;
      if (current !== undefined && !this.#isOurs(current.leaseId)) return this.#conflict(current);
      if (current === undefined) this.#gone();
      // Either it was deleted, or this is our own write whose answer we never got.
      expected = current?.modRevision ?? 0;
    }
    throw new EtcdError('other', `${this.#key} changed ${ATTEMPTS_MAX} times while it was being written`);
  }

  #conflict(current: KeyValue): false {
    this.#doubtful = true;
    if (current.modRevision === this.#foreignRevision) return false;
    this.#foreignRevision = current.modRevision;
    this.#environment.report({
      kind: 'conflict',
      message: `${this.#key} was written by another process; give every process an instance id of its own`,
      service: this.#service,
    });
    return false;
  }

  /** Notes that the key is gone, and reports it once. */
  #gone(): void {
    if (this.#written !== undefined) this.#written = { ...this.#written, revision: 0 };
    if (this.#foreignRevision !== 0) return;
    this.#sink.lost();
    const message = `${this.#key} was deleted; it is being written anew`;
    this.#environment.report({ kind: 'lost', message, service: this.#service });
  }

  #compare({ entries, fresh }: Reflection): void {
    const written = this.#written;
    if (!fresh || written === undefined) return;
    const entry = entries.get(this.#key);
    if (entry !== undefined && (this.#isOurs(entry.leaseId) || entry.modRevision === this.#foreignRevision)) return;
    this.#doubtful = true;
    this.#sink.doubtful();
  }

  #call<T>(run: PortCall<T>): Promise<T> {
    const { holder, timing } = this.#environment;
    return holder.call(timing.callDeadlineMs, run);
  }
}

const ATTEMPTS_MAX = 4;
