import type { ServerTlsOptions } from '@org/rpc-wire';
import type { InstanceChange, Order } from './messages.js';

/** A server that does what its primary says. */
export interface ObeyingServer {
  update(change: InstanceChange): Promise<void>;
  health(service: string, status: 'serving' | 'not-serving'): void;
  setTls(change: Partial<ServerTlsOptions>): void;
}

/** Does what an order says. @throws what the server throws */
export async function obey(server: ObeyingServer, order: Order): Promise<void> {
  switch (order.what) {
    case 'update':
      return server.update(order.change);
    case 'health':
      return server.health(order.service, order.status);
    case 'setTls':
      return server.setTls(order.change);
  }
}

/** What was ordered so far, for workers that are started later: the latest of each. */
export class Orders {
  #update: InstanceChange | undefined;
  #tls: Partial<ServerTlsOptions> | undefined;
  readonly #health = new Map<string, Order>();

  add(order: Order): void {
    if (order.what === 'update') this.#update = { ...this.#update, ...order.change };
    else if (order.what === 'setTls') this.#tls = { ...this.#tls, ...order.change };
    else this.#health.set(order.service, order);
  }

  /** Those that a new worker has to follow. */
  get all(): readonly Order[] {
    const all: Order[] = [...this.#health.values()];
    if (this.#tls !== undefined) all.push({ what: 'setTls', change: this.#tls });
    if (this.#update !== undefined) all.push({ what: 'update', change: this.#update });
    return all;
  }
}
