import type { Endpoint } from '@org/rpc-registry';
import type { ClientProtocol } from '@org/rpc-wire';
import type { CallConnection } from '@org/rpc-wire/internal';
import { Link, type LinkEnvironment, type LinkObserver, type LinkState, type NodeLink } from './link.js';

type Connections = NonNullable<ClientProtocol['connections']>;

/** The state of the group is the first of these that one of its links has: while one link takes calls, the group does. */
const BEST_FIRST: readonly LinkState[] = ['ready', 'draining', 'connecting', 'backoff', 'idle', 'closed'];

/**
 * Several connections to one endpoint, for servers that work on one request of a connection at a time. Each is a link of its own:
 * a lost one comes back by itself, and meanwhile the others take its calls. Calls that must wait share one queue.
 */
export class LinkGroup implements NodeLink {
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly identity: string | undefined;
  readonly #links: readonly Link[];
  readonly #observers = new Set<LinkObserver>();
  #state: LinkState = 'idle';

  /** Does nothing yet: see {@link connect}. */
  constructor(connections: Connections, endpoint: Endpoint, environment: LinkEnvironment, identity?: string) {
    const shared = { ...environment, queue: connections.createQueue() };
    this.#links = Array.from({ length: connections.count }, () => new Link(endpoint, shared, identity));
    this.endpoint = endpoint;
    this.identity = identity;
    this.address = this.#links[0]!.address;
    for (const link of this.#links) link.observe({ linkChanged: () => this.#changed() });
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The least busy of those that take calls. */
  get connection(): CallConnection | undefined {
    let best: CallConnection | undefined;
    for (const { connection } of this.#links)
      if (connection !== undefined && (best === undefined || isBetter(connection, best))) best = connection;
    return best;
  }

  /** Those of the link that has failed least. */
  get failures(): number {
    return Math.min(...this.#links.map(({ failures }) => failures));
  }

  get mayComeSoon(): boolean {
    return this.#links.some(({ mayComeSoon }) => mayComeSoon);
  }

  get isRefused(): boolean {
    return this.#links.every(({ isRefused }) => isRefused);
  }

  get isDenied(): boolean {
    return this.#links.every(({ isDenied }) => isDenied);
  }

  get lastError(): string | undefined {
    return this.#links.find(({ lastError }) => lastError !== undefined)?.lastError;
  }

  /** Calls that wait are counted once for each connection. */
  get inFlight(): number {
    return this.#links.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  observe(observer: LinkObserver): void {
    this.#observers.add(observer);
  }

  unobserve(observer: LinkObserver): void {
    this.#observers.delete(observer);
  }

  connect(): void {
    for (const link of this.#links) link.connect();
  }

  retire(): void {
    for (const link of this.#links) link.retire();
  }

  close(reason: string): void {
    for (const link of this.#links) link.close(reason);
  }

  tick(now: number): void {
    for (const link of this.#links) link.tick(now);
  }

  #changed(): void {
    const previous = this.#state;
    this.#state = BEST_FIRST.find((state) => this.#links.some((link) => link.state === state))!;
    for (const observer of [...this.#observers]) observer.linkChanged(this, previous);
  }
}

function isBetter(a: CallConnection, b: CallConnection): boolean {
  if (a.isFull !== b.isFull) return b.isFull;
  if (a.isSuspect !== b.isSuspect) return b.isSuspect;
  return a.inFlight < b.inFlight;
}
