import { systemClock } from '@org/rpc-core';
import type { Registry, RegistryEvent } from '@org/rpc-registry';
import { createEtcdConnector } from '../../packages/registry-etcd/src/client/etcd-client.js';
import type { ConnectEtcd, EtcdPort } from '../../packages/registry-etcd/src/client/etcd-port.js';
import { openEtcdRegistry } from '../../packages/registry-etcd/src/etcd-registry.js';
import { resolveEtcdOptions } from '../../packages/registry-etcd/src/options.js';
import { startTcpProxy, type TcpProxy } from '../../packages/registry-etcd/test/tcp-proxy.js';

/** The least time between two periodic lists of a range, in milliseconds: half of the usual one. */
const PERIOD_MIN_MS = 15_000;

/** The shipped registry, and what it has done to etcd so far. */
export interface ObservedRegistry {
  readonly registry: Registry;
  readonly observed: Observed;
  close(): Promise<void>;
}

/** What an {@link ObservedRegistry} has done. */
export interface Observed {
  /** Connections to etcd. */
  readonly connections: number;
  readonly lists: number;
  /** Lists that came sooner after the one before than periodic ones do. */
  readonly extraLists: readonly string[];
  /** What it said of losses and outages. */
  readonly complaints: readonly string[];
}

/** Puts a line between a registry and an etcd on this machine, and counts. @param etcdPort - where etcd listens */
export async function observeRegistry(etcdPort: number): Promise<ObservedRegistry> {
  const line = await startTcpProxy(etcdPort);
  const options = resolveEtcdOptions({ hosts: `http://127.0.0.1:${line.port}`, ttlSeconds: 15 });
  const observer = new Observer(line);
  const connect = createEtcdConnector({ clock: systemClock });
  const observing: ConnectEtcd = async (host) => observer.follow(await connect(host));
  return {
    registry: {
      display: `etcd://127.0.0.1:${line.port}`,
      drainLeadMs: 3_000,
      open: (environment) => {
        const onEvent = (event: RegistryEvent): void => {
          observer.hear(event);
          environment.onEvent?.(event);
        };
        return openEtcdRegistry(options, { ...environment, onEvent }, observing);
      },
    },
    observed: observer,
    close: () => line.close(),
  };
}

class Observer implements Observed {
  readonly extraLists: string[] = [];
  readonly complaints: string[] = [];
  lists = 0;
  readonly #line: TcpProxy;
  readonly #listedAt = new Map<string, number>();

  constructor(line: TcpProxy) {
    this.#line = line;
  }

  get connections(): number {
    return this.#line.accepted;
  }

  follow(port: EtcdPort): EtcdPort {
    const range = port.range.bind(port);
    port.range = (request, deadlineMs) => {
      // Its first page, with values: what shows keys alone is the watchdog.
      if (request.keysOnly !== true && request.revision === undefined) this.#listed(request.key);
      return range(request, deadlineMs);
    };
    return port;
  }

  hear({ kind, message }: RegistryEvent): void {
    if (kind !== 'registered') this.complaints.push(`${kind}: ${message}`);
  }

  #listed(key: string): void {
    const now = performance.now();
    const afterMs = now - (this.#listedAt.get(key) ?? Number.NEGATIVE_INFINITY);
    this.lists++;
    this.#listedAt.set(key, now);
    if (afterMs < PERIOD_MIN_MS) this.extraLists.push(`${key} after ${(afterMs / 1_000).toFixed(1)} s`);
  }
}
