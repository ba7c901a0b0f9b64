import { etcdctl } from '../../packages/registry-etcd/test/etcd-fixture.js';
import { Probe } from './service.js';

/** Looks into etcd from outside, by its own HTTP interface. */
export interface RegistryView {
  /** The ids of all instances that have an entry. Rejects when etcd does not answer. */
  instances(): Promise<ReadonlySet<string>>;
  /** The id of the lease that keeps an entry, as etcdctl takes it. */
  leaseOf(instance: string): Promise<string>;
  /** The revision of an entry's last write; 0 when there is none. */
  revisionOf(instance: string): Promise<number>;
  /** Writes an entry. Rejects when etcd does not answer. */
  put(instance: string, value: string): Promise<void>;
  /** Calls etcd by its HTTP interface. */
  post(path: string, body: object): Promise<unknown>;
  ctl(...args: readonly string[]): Promise<string>;
}

/** The key of an instance. */
export function keyOf(instance: string): string {
  return `${ENTRIES}${instance}`;
}

/** @param urls - of the members; the first to answer is believed */
export function viewRegistry(urls: readonly string[], user?: { name: string; password: string }): RegistryView {
  let token: string | undefined;
  const post = async (path: string, body: object): Promise<unknown> => {
    const headers = token === undefined ? {} : { authorization: token };
    const request = { method: 'POST', body: JSON.stringify(body), headers, signal: AbortSignal.timeout(1_000) };
    const ask = async (url: string): Promise<unknown> => {
      const response = await fetch(`${url}${path}`, request);
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      return response.json();
    };
    // All at once: a member that is in trouble must not hold up the answer of another.
    return Promise.any(urls.map(ask));
  };
  /** Authentication may be switched on or off at any moment: a call that fails is made once more with another token. */
  const authenticated = async (path: string, body: object): Promise<unknown> => {
    try {
      return await post(path, body);
    } catch {
      token = undefined;
      const answer = user && (await post('/v3/auth/authenticate', user).catch(() => undefined));
      token = (answer as { token?: string } | undefined)?.token;
      return post(path, body);
    }
  };
  const range = async (key: string, end?: string): Promise<StoredEntry[]> => {
    const body = { key: base64(key), ...(end === undefined ? {} : { range_end: base64(end), keys_only: true }) };
    return ((await authenticated('/v3/kv/range', body)) as { kvs?: StoredEntry[] }).kvs ?? [];
  };
  return {
    async instances() {
      const entries = await range(ENTRIES, `${ENTRIES.slice(0, -1)}0`);
      return new Set(entries.map(({ key }) => Buffer.from(key, 'base64').toString().slice(ENTRIES.length)));
    },
    async leaseOf(instance) {
      return BigInt((await range(keyOf(instance)))[0]?.lease ?? 0).toString(16);
    },
    async revisionOf(instance) {
      return Number((await range(keyOf(instance)))[0]?.mod_revision ?? 0);
    },
    async put(instance, value) {
      await authenticated('/v3/kv/put', { key: base64(keyOf(instance)), value: base64(value) });
    },
    post: authenticated,
    ctl: (...args) => etcdctl(urls, args),
  };
}

interface StoredEntry {
  readonly key: string;
  readonly lease?: string;
  readonly mod_revision?: string;
}

const ENTRIES = `/rpc/default/services/${Probe.name}/`;

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
