import type { CallPhase, Clock } from '@org/rpc-core';
import { type Endpoint, endpointAddress, type Gone, type GoneReason, type Snapshot } from '@org/rpc-registry';
import { Node, type NodeOwner } from './node.js';
import type { Pool } from './pool.js';
import type { ServiceHealth } from './service-health.js';

/** How long an unlisted and silent node is kept, in milliseconds during which the registry was reachable: the registry's TTL. */
const SILENT_GRACE_MS = 15_000;

/** How long an unlisted node is kept because it answers, in milliseconds during which the registry was reachable. */
const ANSWERING_GRACE_MS = 600_000;

/** When more than this share of the nodes is unlisted, the registry is probably at fault and not the nodes. */
const MASS_SHARE = 0.5;

const NOTHING: readonly Endpoint[] = [];

/** Is told of nodes that come and go. */
export interface RosterObserver {
  nodeAdded(node: Node): void;
  nodeRemoved(node: Node): void;
  /** More nodes vanished from the registry at once than can have left. */
  massVanished(unlisted: number, known: number): void;
}

/** What a roster builds its nodes from. */
export interface RosterSettings {
  readonly clock: Clock;
  /** Gives each node its link, and takes it back. */
  readonly pool: Pick<Pool, 'acquire' | 'release'>;
  /** Who the instances must prove to be over TLS; `undefined`: to have the name of their host. */
  readonly identity?: string | undefined;
  readonly health: ServiceHealth;
  /** The weight that rules give to an endpoint; `undefined` when that of the registry holds. */
  readonly weightOf: (endpoint: Endpoint) => number | undefined;
  readonly observer: RosterObserver;
  /** To whom the nodes belong. */
  readonly owner: NodeOwner;
}

/**
 * Which nodes a service has; it builds them and keeps them. The registry adds nodes; it removes only those that said goodbye or
 * are known to be dead. A node that it merely stops listing is judged by its connection: a registry that lost its data, or its
 * leases, must not remove servers that answer.
 */
export class Roster {
  readonly #settings: RosterSettings;
  readonly #clock: Clock;
  readonly #nodes = new Map<string, Node>();
  /** Nodes that are no longer listed; usually none. */
  readonly #unlisted = new Set<Node>();
  #fresh = false;
  #freshSince = 0;
  #known = false;
  #remembered = false;
  #isAnswered = false;
  #hasListed = false;
  /** The list that was applied last. */
  #listed: readonly Endpoint[] = NOTHING;
  #unused = 0;
  /** When the list last came to name an instance after it had named none, in the clock's milliseconds. */
  #listedAt = 0;

  constructor(settings: RosterSettings) {
    this.#settings = settings;
    this.#clock = settings.clock;
  }

  /** Every node, those included that take no calls. */
  get nodes(): Iterable<Node> {
    return this.#nodes.values();
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Whether a first list has come. */
  get isKnown(): boolean {
    return this.#known;
  }

  /** Whether the registry vouches for its list. */
  get isFresh(): boolean {
    return this.#fresh;
  }

  /** Instances that are listed, and that this client leaves to others. */
  get unused(): number {
    return this.#unused;
  }

  /** Whether the list is from an earlier run, because the registry has not answered yet. */
  get isRemembered(): boolean {
    return this.#remembered;
  }

  /** Whether the registry itself has answered. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Whether the registry has ever listed an instance. */
  get hasListed(): boolean {
    return this.#hasListed;
  }

  /** What a call that finds no node lacks. */
  get lack(): CallPhase {
    return this.#known && this.#nodes.size > 0 ? 'connection' : 'registry';
  }

  /** What a call has lacked for most of its wait, which ends now: where the list came meanwhile, connections were only begun then. */
  lackSince(since: number): CallPhase {
    const listedAt = Math.max(since, this.#listedAt);
    return this.lack === 'connection' && this.#clock.now() - listedAt >= listedAt - since ? 'connection' : 'registry';
  }

  /** Milliseconds since the registry last vouched for its list, or since this client began if it never did; 0 while it does. */
  ageMs(): number {
    return this.#fresh || !this.#known ? 0 : this.#clock.now() - this.#freshSince;
  }

  /** Takes in what the registry knows now. */
  apply(snapshot: Snapshot): void {
    const now = this.#clock.now();
    // A remembered list is as old as nobody knows: at least as old as this client.
    if (snapshot.fresh || this.#fresh || !this.#known) this.#freshSince = now;
    const isRemembered = snapshot.remembered === true;
    // What was listed before as the same object needs no second look, and of ten thousand only some change.
    const before = isRemembered || this.#remembered ? NOTHING : this.#listed;
    this.#remembered = isRemembered;
    if (!isRemembered) {
      this.#isAnswered = true;
      this.#hasListed ||= snapshot.endpoints.length > 0;
    }
    this.#listed = snapshot.endpoints;
    this.#unused = snapshot.unused ?? 0;
    // Fresh again: what vanished meanwhile has its whole grace before it.
    if (snapshot.fresh && !this.#fresh) for (const node of this.#unlisted) node.unlistedAt = now;
    this.#fresh = snapshot.fresh;
    this.#known = true;
    if (this.#nodes.size === 0 && snapshot.endpoints.length > 0) this.#listedAt = now;
    for (const [index, endpoint] of snapshot.endpoints.entries())
      if (endpoint !== before[index]) this.#list(endpoint).isRemembered = isRemembered;
    // All that is listed is known by now: with as many nodes, none is unlisted.
    const vanished = this.#nodes.size > snapshot.endpoints.length && this.#unlist(snapshot, now);
    const knownBefore = this.#nodes.size;
    this.sweep();
    if (vanished) this.#reportMass(knownBefore);
  }

  /** Judges the nodes that are not listed. @returns whether some were until now, and are kept for the time being */
  #unlist({ endpoints, gone }: Snapshot, now: number): boolean {
    const listed = new Set(endpoints.map(({ id }) => id));
    const addresses = new Set(endpoints.map(endpointAddress));
    const reasons = new Map<string, GoneReason>(gone.map(({ id, reason }: Gone) => [id, reason]));
    let vanished = false;
    for (const [id, node] of this.#nodes) {
      if (listed.has(id)) continue;
      const reason = reasons.get(id);
      // Another instance on its address: a process was replaced, and the one before it is gone.
      const hasLeft = node.endpoint.state === 'draining' || addresses.has(node.address);
      if (reason === 'left' || reason === 'dead' || hasLeft) this.#remove(node, reason === 'dead' ? 'dead' : 'left');
      else if (node.unlistedAt === undefined) {
        node.unlistedAt = now;
        node.hasAnsweredUnlisted = node.link.state === 'ready';
        this.#unlisted.add(node);
        vanished = true;
      }
    }
    return vanished;
  }

  /** Nodes whose connection speaks against them are forgotten already: what is left says something of the registry. */
  #reportMass(known: number): void {
    const unlisted = this.#unlisted.size;
    if (unlisted > MASS_SHARE * known) this.#settings.observer.massVanished(unlisted, known);
  }

  /** Forgets unlisted nodes for which nothing speaks any more; called about once a second and when a node loses its connection. */
  sweep(): void {
    if (!this.#fresh) return this.#sweepRemembered();
    const now = this.#clock.now();
    for (const node of this.#unlisted) {
      if (node.unlistedAt === undefined) continue;
      const forMs = now - node.unlistedAt;
      const { state } = node.link;
      if (state === 'ready') {
        node.hasAnsweredUnlisted = true;
        if (forMs > ANSWERING_GRACE_MS) this.#remove(node, 'unknown');
      } else if (isGone(node) || forMs > SILENT_GRACE_MS) {
        this.#remove(node, 'unknown');
      }
    }
  }

  /**
   * A list from an earlier run may be of any age, and nobody vouches for it: what does not answer is forgotten, as long as
   * something else does. With nothing that answers, all are worth another try.
   */
  #sweepRemembered(): void {
    const nodes = [...this.#nodes.values()];
    if (!nodes.some(({ link }) => link.state === 'ready')) return;
    for (const node of nodes) if (node.isRemembered && node.link.failures > 0) this.#remove(node, 'unknown');
  }

  /** Gives the nodes the weights of the rules that are in force now. @returns whether that changes any */
  weigh(): boolean {
    let isChanged = false;
    for (const node of this.#nodes.values())
      isChanged = node.setWeight(this.#settings.weightOf(node.endpoint)) || isChanged;
    return isChanged;
  }

  /** No node takes calls any more. */
  close(): void {
    for (const node of [...this.#nodes.values()]) node.retire('left');
  }

  #list(endpoint: Endpoint): Node {
    const known = this.#nodes.get(endpoint.id);
    // The same object, usually: what has not changed is not made anew.
    if (known !== undefined && (known.endpoint === endpoint || isSamePlace(known, endpoint))) {
      known.endpoint = endpoint;
      if (known.unlistedAt !== undefined) this.#unlisted.delete(known);
      known.unlistedAt = undefined;
      return known;
    }
    // The same instance on another address: a new node, since connection and history belong to the address.
    if (known !== undefined) this.#remove(known, 'left');
    return this.#add(endpoint);
  }

  #add(endpoint: Endpoint): Node {
    const { pool, identity, health, weightOf, observer, owner } = this.#settings;
    const node = new Node(endpoint, pool.acquire(endpoint, identity), health, owner);
    node.setWeight(weightOf(endpoint));
    this.#nodes.set(endpoint.id, node);
    observer.nodeAdded(node);
    // A link that another service uses may be ready already.
    if (node.isReady) owner.nodeChanged(node);
    return node;
  }

  #remove(node: Node, reason: GoneReason): void {
    this.#nodes.delete(node.endpoint.id);
    this.#unlisted.delete(node);
    node.retire(reason);
    this.#settings.pool.release(node.link);
    this.#settings.observer.nodeRemoved(node);
  }
}

/** Whether an instance is reached as before. With another secret it is another process, whose connection must show that it knows it. */
function isSamePlace(known: Node, endpoint: Endpoint): boolean {
  return (
    known.address === endpointAddress(endpoint) && known.link.endpoint.secret?.reveal() === endpoint.secret?.reveal()
  );
}

/** Whether its connection says that an unlisted node is not there: it refuses, or was lost and could not be made anew. */
function isGone({ link, hasAnsweredUnlisted }: Node): boolean {
  return link.isRefused || (hasAnsweredUnlisted && link.failures >= 2);
}
