import {
  type ConnectEtcd,
  EtcdError,
  type EtcdPort,
  type EtcdWatch,
  type GrantedLease,
  type PutIfResult,
  type RangePage,
  type RangeRequest,
  type Transaction,
  type WatchListener,
  type WatchRequest,
} from '../src/client/etcd-port.js';
import type { CallName, FakeEtcd } from './fake-etcd.js';

/** A way to connect to an etcd in memory; every host is the same. */
export function connectTo(etcd: FakeEtcd): ConnectEtcd {
  return async (host) => {
    etcd.connections.push(host);
    return new FakeEtcdPort(etcd, host);
  };
}

const PROBE_KEY = '\0';

/** A connection to a {@link FakeEtcd}. A call that hangs hangs for ever: ending it is the business of the caller. */
class FakeEtcdPort implements EtcdPort {
  readonly #etcd: FakeEtcd;
  readonly #host: string;
  #closed = false;

  constructor(etcd: FakeEtcd, host: string) {
    this.#etcd = etcd;
    this.#host = host;
  }

  grant(ttlSeconds: number): Promise<GrantedLease> {
    return this.#call('grant', () => ({ id: this.#etcd.grant(ttlSeconds), ttlSeconds }));
  }

  keepAliveOnce(leaseId: string): Promise<number> {
    return this.#call('keepAliveOnce', () => this.#etcd.renew(leaseId));
  }

  revoke(leaseId: string): Promise<void> {
    return this.#call('revoke', () => this.#etcd.revoke(leaseId));
  }

  put(key: string, value: string, leaseId: string): Promise<number> {
    return this.#call('put', () => this.#etcd.put(key, value, leaseId));
  }

  putIf(key: string, value: string, leaseId: string, modRevision: number): Promise<PutIfResult> {
    return this.#call('putIf', () => {
      const current = this.#etcd.get(key);
      if ((current?.modRevision ?? 0) !== modRevision) return { written: false, current };
      return { written: true, revision: this.#etcd.put(key, value, leaseId) };
    });
  }

  deleteIf(key: string, leaseId: string): Promise<boolean> {
    return this.#call('deleteIf', () => this.#etcd.get(key)?.leaseId === leaseId && this.#etcd.delete(key));
  }

  transact({ expected, puts, deletes }: Transaction): Promise<boolean> {
    return this.#call('transact', () => {
      const isAsExpected = expected.every(
        ({ key, modRevision }) => (this.#etcd.get(key)?.modRevision ?? 0) === modRevision,
      );
      if (!isAsExpected) return false;
      for (const { key, value } of puts) this.#etcd.put(key, value);
      for (const key of deletes) this.#etcd.delete(key);
      return true;
    });
  }

  range(request: RangeRequest): Promise<RangePage> {
    return this.#call(request.key === PROBE_KEY ? 'probe' : 'range', () => {
      const all = this.#etcd.inRange(request);
      const { limit, minModRevision = 0 } = request;
      const found = minModRevision === 0 ? all : all.filter(({ modRevision }) => modRevision >= minModRevision);
      // New objects each time, as a real one makes them.
      const entries = found.slice(0, limit).map((entry) => ({ ...entry }));
      const { revision } = this.#etcd;
      return { entries, more: found.length > entries.length, count: all.length, revision };
    });
  }

  watch({ key, rangeEnd, startRevision }: WatchRequest, listener: WatchListener): EtcdWatch {
    return this.#etcd.watch({ port: this, key, rangeEnd, listener }, startRevision);
  }

  close(): void {
    this.#closed = true;
    for (const watch of [...this.#etcd.watches]) {
      if (watch.port !== this) continue;
      this.#etcd.watches.delete(watch);
      watch.listener.onEnd(new EtcdError('unavailable', 'this connection was closed'));
    }
  }

  async #call<T>(name: CallName, work: () => T): Promise<T> {
    if (name === 'probe') this.#etcd.probes.push(this.#etcd.clock.now());
    else this.#etcd.calls.push(name);
    const fault = this.#etcd.fault(name, this.#host);
    await undefined;
    if (this.#closed) throw new EtcdError('unavailable', 'this connection was closed');
    if (fault instanceof EtcdError) throw fault;
    if (fault !== 'hang') {
      this.#etcd.expire();
      const answer = work();
      if (fault === undefined) return answer;
    }
    return new Promise<never>(() => undefined);
  }
}
