import type { Snapshot } from '@org/rpc-registry';
import type { EtcdPort } from '../../packages/registry-etcd/src/client/etcd-port.js';
import { formatInstanceValue } from '../../packages/registry-etcd/src/instances/instance-value.js';
import { createServiceKeys } from '../../packages/registry-etcd/src/keys.js';
import type { Stalls } from './stalls.js';

/** A change that not all clients have heard of. */
interface Pending {
  /** The weight that only this change has, `undefined` for a deletion. */
  readonly weight: number | undefined;
  readonly deaf: Set<number>;
  /** When etcd had written it; `undefined` before it says so. */
  writtenAt: number | undefined;
  /** What this process had stood still until then. */
  stalledMs: number;
}

const INSTANCES = 8;
const DEADLINE_MS = 3_000;
const keys = createServiceKeys('rpc', 'default');

/** Instances of services that come, change and go, and who has heard of it. */
export class Changes {
  /** How long each client took to hear of each change, in milliseconds since etcd had written it. */
  readonly all: number[] = [];
  /** The same without the time for which this process itself stood still. */
  readonly own: number[] = [];
  written = 0;
  readonly #port: EtcdPort;
  readonly #services: readonly string[];
  readonly #clients: number;
  readonly #random: () => number;
  readonly #stalls: Stalls;
  readonly #living = new Set<string>();
  readonly #pending = new Map<string, Pending>();

  constructor(port: EtcdPort, services: readonly string[], clients: number, random: () => number, stalls: Stalls) {
    this.#port = port;
    this.#services = services;
    this.#clients = clients;
    this.#random = random;
    this.#stalls = stalls;
  }

  /** How many changes some client has not heard of. */
  get unheard(): number {
    return this.#pending.size;
  }

  /** Makes one, of an instance whose last change everybody has heard of. @throws EtcdError */
  async make(): Promise<void> {
    const service = this.#services[Math.floor(this.#random() * this.#services.length)]!;
    const id = `i${Math.floor(this.#random() * INSTANCES)}`;
    const key = keys.instanceKey(service, id);
    if (this.#pending.has(key)) return;
    const isDeletion = this.#living.has(key) && this.#random() < 0.3;
    const weight = isDeletion ? undefined : 1 + (this.written % 10_000);
    const deaf = new Set(Array.from({ length: this.#clients }, (_, client) => client));
    const pending: Pending = { weight, deaf, writtenAt: undefined, stalledMs: 0 };
    this.#pending.set(key, pending);
    this.written++;
    if (weight === undefined) {
      this.#living.delete(key);
      await this.#port.deleteIf(key, '0', DEADLINE_MS);
    } else {
      this.#living.add(key);
      // It is draining, so that nobody connects to what is not there.
      const endpoint = { id, host: '127.0.0.1', port: 1, weight, state: 'draining' } as const;
      await this.#port.put(key, formatInstanceValue(endpoint), '0', DEADLINE_MS);
    }
    pending.writtenAt = performance.now();
    pending.stalledMs = this.#stalls.totalMs;
  }

  /** Takes note of what a client was told. */
  heard(client: number, service: string, { endpoints }: Snapshot): void {
    const weights = new Map(endpoints.map(({ id, weight }) => [keys.instanceKey(service, id), weight]));
    const { key: start } = keys.instances(service);
    for (const [key, pending] of this.#pending) {
      if (!key.startsWith(start) || weights.get(key) !== pending.weight || !pending.deaf.delete(client)) continue;
      const delayMs = pending.writtenAt === undefined ? 0 : performance.now() - pending.writtenAt;
      const stalledMs = pending.writtenAt === undefined ? 0 : this.#stalls.totalMs - pending.stalledMs;
      this.all.push(delayMs);
      this.own.push(Math.max(0, delayMs - stalledMs));
      if (pending.deaf.size === 0) this.#pending.delete(key);
    }
  }
}
